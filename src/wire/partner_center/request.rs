//! Bodies of requests: fields are found in whatever case they come, because official samples use two (section 1.4).

use serde_json::{Map, Value};

/// A body, or an object in one.
#[derive(Debug, Clone, Copy)]
pub struct Body<'a>(&'a Map<String, Value>);

/// A field that is not what it has to be: its name, and what is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BadField(pub &'static str, pub &'static str);

impl<'a> Body<'a> {
    /// An object; `None` if the value is something else.
    #[must_use]
    pub fn of(value: &'a Value) -> Option<Self> {
        value.as_object().map(Self)
    }

    /// A field that is there and not null.
    #[must_use]
    pub fn get(self, name: &str) -> Option<&'a Value> {
        let found = self.0.get(name).or_else(|| {
            let mut fields = self.0.iter();
            fields.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value)
        });
        found.filter(|value| !value.is_null())
    }

    /// A text; a number is taken for one.
    ///
    /// # Errors
    /// [`BadField`] if it is neither.
    pub fn text(self, name: &'static str) -> Result<Option<String>, BadField> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(_) => Err(BadField(name, "is not a text")),
        }
    }

    /// A text that has to be there and to say something.
    ///
    /// # Errors
    /// [`BadField`] if it is not.
    pub fn required(self, name: &'static str) -> Result<String, BadField> {
        self.text(name)?.filter(|text| !text.trim().is_empty()).ok_or(BadField(name, "is required"))
    }

    /// A whole number; a text that spells one is taken.
    ///
    /// # Errors
    /// [`BadField`] if it is none.
    pub fn number(self, name: &'static str) -> Result<Option<i64>, BadField> {
        let bad = BadField(name, "is not a whole number");
        match self.get(name) {
            None => Ok(None),
            // `5.0` is a whole number as well; beyond 2^53 a number with a point says too little.
            Some(Value::Number(number)) => number.as_i64().or_else(|| whole(number.as_f64()?)).map(Some).ok_or(bad),
            Some(Value::String(text)) => text.trim().parse().map(Some).map_err(|_| bad),
            Some(_) => Err(bad),
        }
    }

    /// Yes or no.
    ///
    /// # Errors
    /// [`BadField`] if it is neither.
    pub fn flag(self, name: &'static str) -> Result<Option<bool>, BadField> {
        match self.get(name) {
            None => Ok(None),
            Some(Value::Bool(flag)) => Ok(Some(*flag)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("true") => Ok(Some(true)),
            Some(Value::String(text)) if text.eq_ignore_ascii_case("false") => Ok(Some(false)),
            Some(_) => Err(BadField(name, "is neither true nor false")),
        }
    }

    /// An object.
    ///
    /// # Errors
    /// [`BadField`] if it is something else.
    pub fn object(self, name: &'static str) -> Result<Option<Self>, BadField> {
        self.get(name).map(|value| Self::of(value).ok_or(BadField(name, "is not an object"))).transpose()
    }

    /// The objects of a list; an object alone stands for a list of one.
    ///
    /// # Errors
    /// [`BadField`] if it is something else.
    pub fn objects(self, name: &'static str) -> Result<Vec<Self>, BadField> {
        let bad = || BadField(name, "is not a list of objects");
        match self.get(name) {
            None => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| Self::of(item).ok_or_else(bad)).collect(),
            Some(value) => Ok(vec![Self::of(value).ok_or_else(bad)?]),
        }
    }
}

/// The whole number that a number with a point is, if it is one.
#[expect(clippy::cast_possible_truncation, reason = "a whole number below 2^53 fits")]
fn whole(number: f64) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    (number.fract() == 0.0 && number.abs() < EXACT).then_some(number as i64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn fields_are_found_in_any_case_and_numbers_as_text() {
        let value = json!({ "FriendlyName": "Mine", "QUANTITY": "12", "autoRenewEnabled": false, "partnerId": 4847383,
            "status": null, "items": { "a": 1 }, "seats": 5.0, "share": 5.5, "huge": 1e300 });
        let body = Body::of(&value).unwrap();
        assert_eq!(body.text("friendlyName"), Ok(Some("Mine".to_owned())));
        assert_eq!(body.number("quantity"), Ok(Some(12)));
        assert_eq!(body.flag("AutoRenewEnabled"), Ok(Some(false)));
        assert_eq!(body.text("partnerId"), Ok(Some("4847383".to_owned())));
        assert_eq!(body.text("status"), Ok(None));
        assert_eq!(body.objects("items").map(|items| items.len()), Ok(1));
        assert_eq!(body.required("status"), Err(BadField("status", "is required")));
        assert_eq!(body.number("friendlyName"), Err(BadField("friendlyName", "is not a whole number")));
        assert_eq!(body.number("seats"), Ok(Some(5)));
        for name in ["share", "huge"] {
            assert_eq!(body.number(name), Err(BadField(name, "is not a whole number")), "{name}");
        }
        assert_eq!(body.flag("quantity"), Err(BadField("quantity", "is neither true nor false")));
    }
}
