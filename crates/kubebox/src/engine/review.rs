//! Pure. Reviews: who am I, may I (always yes: RBAC is not enforced), and is this token good.

use http::Method;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::admit::body;
use super::error::{ApiError, Result};
use super::{Answer, Engine, Request, Target};

/// Group, plural and kind of what can only be created.
pub(crate) const REVIEWS: [(&str, &str, &str, bool); 6] = [
    (
        "authentication.k8s.io",
        "selfsubjectreviews",
        "SelfSubjectReview",
        false,
    ),
    (
        "authentication.k8s.io",
        "tokenreviews",
        "TokenReview",
        false,
    ),
    (
        "authorization.k8s.io",
        "localsubjectaccessreviews",
        "LocalSubjectAccessReview",
        true,
    ),
    (
        "authorization.k8s.io",
        "selfsubjectaccessreviews",
        "SelfSubjectAccessReview",
        false,
    ),
    (
        "authorization.k8s.io",
        "selfsubjectrulesreviews",
        "SelfSubjectRulesReview",
        false,
    ),
    (
        "authorization.k8s.io",
        "subjectaccessreviews",
        "SubjectAccessReview",
        false,
    ),
];

impl Engine {
    /// Answers a review; `None` when the request is for something else.
    pub(crate) fn review(
        &self,
        request: &Request,
        target: &Target,
        now: Timestamp,
    ) -> Option<Result<Answer>> {
        let (group, _, kind, _) = REVIEWS
            .iter()
            .find(|(group, plural, ..)| target.group == *group && target.plural == *plural)?;
        if target.version != "v1" {
            return Some(Err(ApiError::no_such_resource()));
        }
        if request.method != Method::POST || !target.name.is_empty() {
            return Some(Err(ApiError::method_not_allowed()));
        }
        Some(self.answer_review(request, group, kind, now))
    }

    fn answer_review(
        &self,
        request: &Request,
        group: &str,
        kind: &str,
        now: Timestamp,
    ) -> Result<Answer> {
        let body = body(request)?;
        let status = match kind {
            "SelfSubjectReview" => json!({ "userInfo": {
                "username": request.user, "groups": ["system:masters", "system:authenticated"] } }),
            "TokenReview" => self.review_token(&body["spec"], now),
            "SelfSubjectRulesReview" => json!({
                "resourceRules": [{ "verbs": ["*"], "apiGroups": ["*"], "resources": ["*"] }],
                "nonResourceRules": [{ "verbs": ["*"], "nonResourceURLs": ["*"] }],
                "incomplete": false,
            }),
            _ => json!({ "allowed": true, "reason": "RBAC is not enforced by this API" }),
        };
        let spec = if body["spec"].is_null() {
            Value::Null
        } else {
            body["spec"].clone()
        };
        let mut answer = json!({
            "apiVersion": format!("{group}/v1"), "kind": kind,
            "metadata": {}, "status": status,
        });
        if !spec.is_null() {
            answer["spec"] = spec;
        }
        Ok(Answer::json(201, &answer))
    }
}
