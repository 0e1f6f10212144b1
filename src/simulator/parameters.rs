//! The parameters of a call, wherever in the request they stood, and the refusals for bad ones.

use super::entities::Tag;
use super::error::ServiceError;
use super::operations::limits;

/// Decoded parameters of the query and of a form body together.
#[derive(Clone, Debug, Default)]
pub struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// All parameters, in the order in which they were sent.
    #[must_use]
    pub fn new(pairs: Vec<(String, String)>) -> Self {
        Self(pairs)
    }

    /// All of them.
    #[must_use]
    pub fn pairs(&self) -> &[(String, String)] {
        &self.0
    }

    /// The value of `name`, also if it is empty.
    #[must_use]
    pub fn sent(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(sent, _)| sent == name).map(|(_, value)| value.as_str())
    }

    /// The value of `name`; an empty one counts as none.
    #[must_use]
    pub fn text(&self, name: &str) -> Option<&str> {
        self.sent(name).filter(|value| !value.is_empty())
    }

    /// Where a page by marker or token is to begin; none for the first one.
    #[must_use]
    pub fn mark(&self) -> Option<&str> {
        self.text("Marker").or_else(|| self.text("NextToken"))
    }

    /// The value of `name`.
    ///
    /// # Errors
    /// `Missing<name>`.
    pub fn required(&self, name: &str) -> Result<&str, ServiceError> {
        self.text(name).ok_or_else(|| ServiceError::missing(name))
    }

    /// The value of `name` as a number within `range`, or `default` where there is none.
    ///
    /// # Errors
    /// `InvalidParameter.<name>`.
    pub fn number(&self, name: &str, default: u32, range: std::ops::RangeInclusive<u32>) -> Result<u32, ServiceError> {
        match self.text(name) {
            None => Ok(default),
            Some(text) => {
                text.parse().ok().filter(|number| range.contains(number)).ok_or_else(|| ServiceError::invalid(name))
            }
        }
    }

    /// Whether `name` is `true`; absent is false.
    ///
    /// # Errors
    /// `InvalidParameter.<name>` for anything but true and false.
    pub fn flag(&self, name: &str) -> Result<bool, ServiceError> {
        match self.text(name).map(str::to_ascii_lowercase).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(_) => Err(ServiceError::invalid(name)),
        }
    }

    /// The text of `name`, held to a length in characters.
    ///
    /// # Errors
    /// `InvalidParameter.<name>.Length`.
    pub fn bounded(&self, name: &str, longest: usize) -> Result<Option<&str>, ServiceError> {
        match self.sent(name) {
            Some(text) if text.chars().count() > longest => Err(ServiceError::invalid_length(name)),
            sent => Ok(sent),
        }
    }

    /// The name of something to be made or renamed: ASCII letters, digits and the characters of `also`.
    ///
    /// # Errors
    /// Absent, too long, or with other characters.
    pub fn new_name(&self, name: &str, longest: usize, also: &str) -> Result<&str, ServiceError> {
        let text = self.required(name)?;
        if text.chars().count() > longest {
            return Err(ServiceError::invalid_length(name));
        }
        match text.chars().all(|c| c.is_ascii_alphanumeric() || also.contains(c)) {
            true => Ok(text),
            false => Err(ServiceError::invalid_chars(name)),
        }
    }

    /// Tags: `Tag.1.Key`, `Tag.1.Value` and so on, or (RAM) one parameter `Tag` with a JSON array.
    ///
    /// # Errors
    /// More than an entity may have, or a JSON text that is no array of tags.
    pub fn tags(&self) -> Result<Vec<Tag>, ServiceError> {
        let tags = match self.text("Tag") {
            Some(json) => serde_json::from_str::<Vec<JsonTag>>(json)
                .map_err(|_| ServiceError::invalid("Tag"))?
                .into_iter()
                .map(|tag| Tag { key: tag.key, value: tag.value })
                .collect(),
            None => (1..)
                .map_while(|n| {
                    let key = self.text(&format!("Tag.{n}.Key"))?.to_owned();
                    let value = self.sent(&format!("Tag.{n}.Value")).unwrap_or_default().to_owned();
                    Some(Tag { key, value })
                })
                .collect::<Vec<_>>(),
        };
        if tags.len() > limits::TAGS { Err(ServiceError::invalid("Tag")) } else { Ok(tags) }
    }
}

#[derive(serde::Deserialize)]
#[serde(rename_all = "PascalCase")]
struct JsonTag {
    key: String,
    #[serde(default)]
    value: String,
}

/// Decodes a query or a form body; `+` is a space.
#[must_use]
pub(super) fn decode_form(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        let spaced = part.replace('+', " ");
        percent_encoding::percent_decode_str(&spaced).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (decode(name), decode(value))
        })
        .collect()
}
