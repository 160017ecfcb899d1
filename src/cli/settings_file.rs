//! The settings file, with the place of each value, so that what is said of one shows its line.

use std::{
    io::ErrorKind,
    path::{Path, PathBuf},
};

use clap::ValueEnum;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};
use url::Url;

use crate::{
    diagnostic::{Diagnostic, SourceFile, Spot, advise},
    domain::quotas::Quotas,
};

/// The settings file that is read if nobody names one.
const DEFAULT_FILE: &str = "rehearsal.yaml";

/// The keys of the file: the flags of `serve` in camel case, all optional.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Keys {
    pub(super) listen: Option<Spanned<String>>,
    pub(super) data: Option<Spanned<PathBuf>>,
    pub(super) ephemeral: Option<Spanned<bool>>,
    pub(super) database_url: Option<Spanned<String>>,
    pub(super) database_url_file: Option<Spanned<PathBuf>>,
    pub(super) database_ca: Option<Spanned<PathBuf>>,
    pub(super) tls: Option<Spanned<bool>>,
    pub(super) fixtures: Option<Spanned<PathBuf>>,
    pub(super) seed: Option<Spanned<String>>,
    pub(super) auth: Option<Spanned<String>>,
    pub(super) act_as: Option<Spanned<String>>,
    pub(super) access: Option<Spanned<String>>,
    pub(super) admin_key: Option<Spanned<String>>,
    pub(super) admin_key_file: Option<Spanned<PathBuf>>,
    #[serde(default)]
    pub(super) allow_hosts: Vec<Spanned<String>>,
    #[serde(default)]
    pub(super) quotas: Quotas,
    pub(super) only: Option<Spanned<String>>,
    pub(super) marketplace: Option<Spanned<Url>>,
    pub(super) authority: Option<Spanned<Url>>,
    pub(super) public_url: Option<Spanned<Url>>,
    pub(super) landing_page: Option<Spanned<Url>>,
    pub(super) webhook: Option<Spanned<Url>>,
    pub(super) cache_mib: Option<Spanned<u64>>,
}

/// Settings that can't be used: text for a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct BadSettings(pub(super) String);

/// A settings file that was read.
#[derive(Debug, Default)]
pub(super) struct SettingsFile {
    name: String,
    text: String,
    pub(super) keys: Keys,
}

/// A value that was set, and where: for what is said of it if it is of no use.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Set<T> {
    pub(super) value: T,
    /// The flag that sets it; a variable does the same.
    flag: &'static str,
    /// Its place in the file, if that has set it.
    at: Option<Location>,
}

impl<T> Set<T> {
    /// What a flag or variable says before what the file says.
    pub(super) fn layered(flag: &'static str, given: Option<T>, in_file: Option<Spanned<T>>) -> Option<Self> {
        match given {
            Some(value) => Some(Self { value, flag, at: None }),
            None => in_file.map(|found| Self { value: found.value, flag, at: Some(found.referenced) }),
        }
    }

    /// The same of a value that the file spells as text.
    pub(super) fn read(
        flag: &'static str,
        given: Option<T>,
        in_file: Option<Spanned<String>>,
        file: &SettingsFile,
        read: impl FnOnce(&str) -> Result<T, (String, Option<String>)>,
    ) -> Result<Option<Self>, BadSettings> {
        match (given, in_file) {
            (Some(value), _) => Ok(Some(Self { value, flag, at: None })),
            (None, None) => Ok(None),
            (None, Some(found)) => {
                let text = Set { value: found.value, flag, at: Some(found.referenced) };
                match read(&text.value) {
                    Ok(value) => Ok(Some(Self { value, flag, at: text.at })),
                    Err((message, fix)) => Err(text.refused(file, &message, fix.as_deref())),
                }
            }
        }
    }

    /// Something else that was set at the same place.
    pub(super) fn with<U>(&self, value: U) -> Set<U> {
        Set { value, flag: self.flag, at: self.at }
    }

    /// That it is of no use.
    pub(super) fn refused(&self, file: &SettingsFile, message: &str, fix: Option<&str>) -> BadSettings {
        let Some(at) = self.at else {
            let fix = fix.map_or_else(String::new, |fix| format!("\n  fix: {fix}"));
            return BadSettings(format!("error: {}: {message}{fix}", self.flag));
        };
        let problem = SourceFile::new(&file.name, &file.text).problem(Spot::of_yaml(at), message);
        BadSettings(fix.map_or_else(|| problem.clone(), |fix| problem.clone().with_suggestion(fix)).render())
    }
}

impl Set<PathBuf> {
    /// What stands in the file that is named.
    pub(super) fn contents(&self, file: &SettingsFile) -> Result<Set<String>, BadSettings> {
        let text = std::fs::read_to_string(&self.value).map_err(|error| {
            let message = format!("{} can't be read: {error}", self.value.display());
            self.refused(file, &message, Some(&unreadable(&error)))
        })?;
        Ok(self.with(text.trim().to_owned()))
    }
}

/// What to do about a file that can't be read.
fn unreadable(error: &std::io::Error) -> String {
    match error.kind() {
        ErrorKind::NotFound => "name a file that is there, from the folder that this is started in".to_owned(),
        ErrorKind::PermissionDenied => "let the user that this runs as read it".to_owned(),
        _ => "name a text file".to_owned(),
    }
}

/// One of the values of a setting that the file spells.
pub(super) fn choice<T: ValueEnum>(text: &str) -> Result<T, (String, Option<String>)> {
    T::from_str(text, false).map_err(|_| {
        let values = T::value_variants().iter().filter_map(ValueEnum::to_possible_value);
        let names: Vec<String> = values.map(|value| value.get_name().to_owned()).collect();
        (format!("`{text}` is not a value of this setting"), advise(text, names.iter().map(String::as_str)))
    })
}

impl SettingsFile {
    /// The file that was named, or the usual one if it is there.
    pub(super) fn read(named: Option<&Path>) -> Result<Self, BadSettings> {
        let path = named.unwrap_or_else(|| Path::new(DEFAULT_FILE));
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&path.display().to_string(), &text),
            Err(error) if error.kind() == ErrorKind::NotFound && named.is_none() => Ok(Self::default()),
            Err(error) if named.is_some() => {
                let text = format!("error: --config: {} can't be read: {error}\n  fix: ", path.display());
                Err(BadSettings(text + &unreadable(&error)))
            }
            Err(error) => {
                let problem = Diagnostic::of_file(path.display().to_string(), format!("can't be read: {error}"));
                Err(BadSettings(problem.with_suggestion(unreadable(&error)).render()))
            }
        }
    }

    /// A file of that text.
    pub(super) fn parse(name: &str, text: &str) -> Result<Self, BadSettings> {
        let source = SourceFile::new(name, text);
        // An empty file has no settings.
        let is_empty = source.text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#'));
        let keys = if is_empty {
            Keys::default()
        } else {
            serde_saphyr::from_str(source.text).map_err(|error| BadSettings(source.yaml_problem(&error).render()))?
        };
        Ok(Self { name: name.to_owned(), text: source.text.to_owned(), keys })
    }
}
