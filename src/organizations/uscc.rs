//! The unified social credit code (GB 32100-2015): 18 characters of 31, the last of which checks the others.

const ALPHABET: &[u8; 31] = b"0123456789ABCDEFGHJKLMNPQRTUWXY";
const LENGTH: usize = 18;

/// A code whose check character is right, in capital letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uscc(String);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UsccError {
    Length,
    Character,
    Check,
}

impl Uscc {
    pub fn parse(text: &str) -> Result<Self, UsccError> {
        let code = text.trim().to_ascii_uppercase();
        if code.chars().count() != LENGTH {
            return Err(UsccError::Length);
        }
        let values: Vec<usize> = code.bytes().map(value_of).collect::<Option<_>>().ok_or(UsccError::Character)?;
        if values[LENGTH - 1] == check_value(&values[..LENGTH - 1]) { Ok(Self(code)) } else { Err(UsccError::Check) }
    }

    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Digits 3 to 8: the administrative division (GB/T 2260) where the code was registered.
    pub fn division(&self) -> &str {
        &self.0[2..8]
    }
}

fn value_of(byte: u8) -> Option<usize> {
    ALPHABET.iter().position(|&letter| letter == byte)
}

/// (31 − Σ vᵢ·3^(i−1) mod 31) mod 31
fn check_value(values: &[usize]) -> usize {
    let (sum, _) = values.iter().fold((0, 1), |(sum, weight), value| ((sum + value * weight) % 31, weight * 3 % 31));
    (31 - sum) % 31
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_published_examples_are_judged_right() {
        for valid in ["914403001922038216", "91330100799655058B", "9144030071526726XG", "91110000802100433B", "91512081MA62K0260E", "91350100M000100Y43"] {
            assert_eq!(Uscc::parse(valid).unwrap().as_str(), valid);
        }
        assert_eq!(Uscc::parse("91350100M000100Y4Z"), Err(UsccError::Character));
        assert_eq!(Uscc::parse("91350100M000100Y44"), Err(UsccError::Check));
        assert_eq!(Uscc::parse("9135"), Err(UsccError::Length));
        assert_eq!(Uscc::parse("91330100799655058b").unwrap().as_str(), "91330100799655058B");
    }

    proptest! {
        #[test]
        fn one_wrong_character_is_always_noticed(body in proptest::collection::vec(0_usize..31, 17), at in 0_usize..17, other in 1_usize..31) {
            let mut values = body.clone();
            values.push(check_value(&body));
            let text = |values: &[usize]| values.iter().map(|&v| char::from(ALPHABET[v])).collect::<String>();
            prop_assert!(Uscc::parse(&text(&values)).is_ok());
            values[at] = (values[at] + other) % 31;
            prop_assert_eq!(Uscc::parse(&text(&values)), Err(UsccError::Check));
        }

        #[test]
        fn any_text_is_judged_without_a_panic(text in "\\PC{0,40}") {
            let _ = Uscc::parse(&text);
        }
    }
}
