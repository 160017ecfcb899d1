//! What a player says when it refuses, in one form, whichever API it comes from.

use serde_json::Value as Json;

use super::{ast::Refused, check::Check, values::plain};

/// A refused call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The status of the answer.
    pub status: u16,
    /// The reasons given; a form may give several.
    pub reasons: Vec<Reason>,
    /// What to do next, if the answer says so.
    pub hint: Option<String>,
}

/// A reason for a refusal.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reason {
    /// The code of the reason.
    pub code: Option<String>,
    /// The input that is wrong.
    pub field: Option<String>,
    /// The reason in words.
    pub message: String,
}

impl Refusal {
    /// Reads the body of an answer: the control API's problems, the fulfillment API's errors and bare strings, the
    /// details of metering, Partner Center's faults, the identity's errors, the publisher's forms and pages.
    #[must_use]
    pub fn read(status: u16, body: &Json) -> Self {
        let text = |value: &Json, names: &[&str]| {
            names.iter().find_map(|name| value.get(name)).filter(|found| !found.is_null()).map(plain)
        };
        let reason = |value: &Json| Reason {
            code: text(value, &["code", "Code"]),
            field: text(value, &["field", "target"]),
            message: text(value, &["detail", "message", "Message", "description", "error_description"])
                .unwrap_or_default(),
        };
        let hint = text(body, &["hint"]);
        let reasons = if let Json::String(message) = body {
            vec![Reason { message: message.clone(), ..Reason::default() }]
        } else if let Some(Json::Array(errors)) = body.get("errors").or_else(|| body.get("details")) {
            errors.iter().map(reason).collect()
        } else {
            match body.get("error").or_else(|| body.get("Error")) {
                Some(inner @ Json::Object(_)) => vec![reason(inner)],
                Some(Json::String(code)) => vec![Reason { code: Some(code.clone()), ..reason(body) }],
                Some(_) | None => vec![reason(body)],
            }
        };
        Self { status, reasons, hint }
    }

    /// Compares it with what was expected. Status aside, one of the reasons has to agree with all that is said.
    #[must_use]
    pub fn compare(&self, expected: &Refused) -> Vec<Check> {
        let mut checks: Vec<Check> = Vec::new();
        if let Some(status) = &expected.status {
            checks.push(Check::texts(status.spot, "status", &status.value.to_string(), &self.status.to_string()));
        }
        let of_reasons: Vec<Vec<Check>> = self.reasons.iter().map(|reason| reason.compare(expected)).collect();
        let failures = |checks: &Vec<Check>| checks.iter().filter(|check| !check.passed).count();
        match of_reasons.into_iter().min_by_key(failures) {
            Some(nearest) => checks.extend(nearest),
            None => checks.extend(Reason::default().compare(expected)),
        }
        checks.into_iter().map(|check| check.or_fix(format!("the answer was: {}", self.sentence()))).collect()
    }

    /// The refusal as one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let reasons: Vec<String> = self.reasons.iter().map(Reason::sentence).filter(|text| !text.is_empty()).collect();
        if reasons.is_empty() { self.status.to_string() } else { format!("{} {}", self.status, reasons.join("; ")) }
    }

    /// How a scenario would expect it.
    #[must_use]
    pub fn as_expectation(&self) -> String {
        let mut parts = vec![format!("status: {}", self.status)];
        if let Some(reason) = self.reasons.first() {
            parts.extend(reason.code.as_ref().map(|code| format!("code: {code}")));
            parts.extend(reason.field.as_ref().map(|field| format!("field: {field}")));
        }
        format!("refused: {{ {} }}", parts.join(", "))
    }
}

impl Reason {
    fn compare(&self, expected: &Refused) -> Vec<Check> {
        let mut checks = Vec::new();
        for (path, wanted, found) in [("code", &expected.code, &self.code), ("field", &expected.field, &self.field)] {
            if let Some(wanted) = wanted {
                checks.push(Check::texts(wanted.spot, path, &wanted.value, found.as_deref().unwrap_or("nothing")));
            }
        }
        if let Some(wanted) = &expected.message {
            let passed = self.message.contains(&wanted.value);
            let mut check = Check::texts(wanted.spot, "message", &format!("…{}…", wanted.value), &self.message);
            check.passed = passed;
            checks.push(check);
        }
        checks
    }

    fn sentence(&self) -> String {
        let mut marks: Vec<&str> = Vec::new();
        marks.extend(self.code.as_deref());
        marks.extend(self.field.as_deref());
        match (marks.is_empty(), self.message.is_empty()) {
            (true, _) => self.message.clone(),
            (false, true) => marks.join(", "),
            (false, false) => format!("{}: {}", marks.join(", "), self.message),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_apis_refusal_is_read_into_one_form() {
        let table = [
            (
                json!({"type": "/docs/errors#tooManySeats", "title": "t", "status": 422, "detail": "too many", "instance": "i",
                    "code": "tooManySeats", "hint": "h", "field": "quantity"}),
                "422 tooManySeats, quantity: too many",
            ),
            (
                json!({"code": "InvalidValue", "message": "Failed", "target": "token"}),
                "422 InvalidValue, token: Failed",
            ),
            (json!({"Error": {"Code": "ApiVersionUnspecified", "Message": "m"}}), "422 ApiVersionUnspecified: m"),
            (json!({"error": "invalid_client", "error_description": "AADSTS"}), "422 invalid_client: AADSTS"),
            (json!({"errors": [{"field": "a", "message": "x"}, {"field": "b", "message": "y"}]}), "422 a: x; b: y"),
            (
                json!({"message": "One or more", "target": "r", "details": [{"message": "x", "target": "a", "code": "B"}]}),
                "422 B, a: x",
            ),
            (
                json!({"code": 800_002, "description": "no such cart", "data": [], "source": "PartnerFD"}),
                "422 800002: no such cart",
            ),
            (json!("forbidden"), "422 forbidden"),
            (json!(null), "422"),
        ];
        for (body, sentence) in table {
            assert_eq!(Refusal::read(422, &body).sentence(), sentence);
        }
    }
}
