//! What the case engine asks of a subject. Implemented above this module, wired by `api`.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use uuid::Uuid;

use super::model::{Case, CaseSubjectType, NewCase, Verdict};
use crate::access::actor::Actor;
use crate::audit::model::By;
use crate::db::Connection;
use crate::error::{Error, Result};

/// A kind of thing that cases are about. Every call runs inside the transaction of the case's own move.
pub trait CaseSubject: Send + Sync {
    fn kind(&self) -> CaseSubjectType;

    /// The case that a reviewer of the zone may open on the subject as it stands now.
    fn open<'a>(&'a self, conn: &'a mut Connection, actor: &'a Actor, id: Uuid) -> BoxFuture<'a, Result<NewCase>>;

    /// Locks the subject until the end of the transaction. Everybody locks the subject before its case, so that two moves wait for each
    /// other and never for ever.
    fn lock<'a>(&'a self, conn: &'a mut Connection, id: Uuid) -> BoxFuture<'a, Result<()>>;

    fn claimed<'a>(&'a self, conn: &'a mut Connection, by: &'a By, case: &'a Case) -> BoxFuture<'a, Result<()>>;

    fn released<'a>(&'a self, conn: &'a mut Connection, by: &'a By, case: &'a Case) -> BoxFuture<'a, Result<()>>;

    fn decided<'a>(&'a self, conn: &'a mut Connection, by: &'a By, case: &'a Case, verdict: &'a Verdict) -> BoxFuture<'a, Result<()>>;
}

/// The subjects that this service knows.
#[derive(Clone, Default)]
pub struct Subjects(Vec<Arc<dyn CaseSubject>>);

impl Subjects {
    pub fn with(mut self, subject: impl CaseSubject + 'static) -> Self {
        self.0.push(Arc::new(subject));
        self
    }

    pub fn of(&self, kind: CaseSubjectType) -> Result<&dyn CaseSubject> {
        self.0.iter().find(|subject| subject.kind() == kind).map(AsRef::as_ref).ok_or(Error::NotFound)
    }
}
