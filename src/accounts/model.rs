//! Accounts and the words that make one.

use chrono::{DateTime, Utc};
use diesel::prelude::*;
use uuid::Uuid;

use crate::db::schema::accounts;
use crate::error::FieldError;
use crate::text::clean::{Lines, clean};
use crate::text_enum;

text_enum! {
    /// The language in which somebody wants to be addressed.
    pub enum AccountLocale {
        Zh = "zh",
        En = "en",
    }
}

text_enum! {
    pub enum AccountState {
        Active = "active",
        Suspended = "suspended",
    }
}

/// An e-mail address in lower case. Checked for its shape only: whether it exists, a message to it will show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Email(String);

impl Email {
    pub fn parse(pointer: &str, text: &str) -> Result<Self, FieldError> {
        let text = clean(pointer, text, 254, Lines::One)?.to_lowercase();
        let wrong = || FieldError::malformed(pointer, "an e-mail address, such as name@company.cn", "电子邮箱地址，例如 name@company.cn");
        let (local, domain) = text.rsplit_once('@').ok_or_else(wrong)?;
        let label =
            |label: &str| !label.is_empty() && label.len() <= 63 && !label.starts_with('-') && !label.ends_with('-') && label.chars().all(|c| c.is_alphanumeric() || c == '-');
        let local_ok =
            !local.is_empty() && local.len() <= 64 && !local.contains(['@', ' ', '"', '<', '>', '(', ')', ',', ';', ':', '\\']) && !local.starts_with('.') && !local.ends_with('.');
        if local_ok && domain.contains('.') && domain.split('.').all(label) { Ok(Self(text)) } else { Err(wrong()) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone)]
pub struct DisplayName(String);

impl DisplayName {
    pub fn parse(pointer: &str, text: &str) -> Result<Self, FieldError> {
        clean(pointer, text, 80, Lines::One).map(Self)
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[derive(Debug, Clone, Queryable, Selectable)]
#[diesel(table_name = accounts)]
pub struct Account {
    pub id: Uuid,
    pub email: String,
    pub password_hash: String,
    pub display_name: String,
    pub locale: AccountLocale,
    pub state: AccountState,
    pub created_at: DateTime<Utc>,
}

#[cfg(test)]
mod tests {
    use super::Email;

    #[test]
    fn addresses_are_told_from_other_text() {
        for good in ["a@b.cn", "Founder-1@startup.example", "li.wei+zone@mail.hefei.example", "用户@例子.公司"] {
            assert!(Email::parse("/email", good).is_ok(), "{good}");
        }
        for bad in ["", "a", "a@b", "@b.cn", "a@", "a b@c.cn", "a@b..cn", "a@-b.cn", "a@b.cn\0", "a@@b.cn"] {
            assert!(Email::parse("/email", bad).is_err(), "{bad}");
        }
        assert_eq!(Email::parse("/email", "A@B.CN").unwrap().as_str(), "a@b.cn");
    }
}
