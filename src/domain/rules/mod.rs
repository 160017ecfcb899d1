//! The rules of a sandbox: what it does where documentation and reality differ, where the service has changed over the
//! years, and where nobody knows for certain.
//!
//! The first choice of each rule is the default, what the real service does today as far as that is known; the others let
//! a publisher be tested against what it may have been written for. `table.rs` has all of them; a rule is named there and
//! nowhere else.

mod table;
#[cfg(test)]
mod tests;

pub use table::*;

/// A rule for people: its name, what it is about, and what can be chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RuleCard {
    /// The name, as the control API and scenarios spell it.
    pub name: &'static str,
    /// What it is about.
    pub about: &'static str,
    /// How we know: a row of the table of quirks, or a source.
    pub source: &'static str,
    /// What can be chosen; the first is the default.
    pub choices: &'static [ChoiceCard],
}

impl RuleCard {
    /// The names of its choices, as a list for people.
    fn choice_names(&self) -> String {
        self.choices.iter().map(|choice| choice.name).collect::<Vec<_>>().join(", ")
    }
}

/// A choice for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChoiceCard {
    /// The name.
    pub name: &'static str,
    /// What the sandbox does then.
    pub meaning: &'static str,
}

/// Why a rule can't be set so.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleFault {
    /// There is no such rule.
    #[error("there is no rule {0:?}")]
    UnknownRule(String),
    /// The rule has no such choice.
    #[error("the rule {} has no choice {choice:?}; it has {}", rule.name, rule.choice_names())]
    UnknownChoice {
        /// The rule.
        rule: &'static RuleCard,
        /// What was chosen.
        choice: String,
    },
}

/// Makes the type of each rule's choices, [`Rules`], and the cards that describe them, from one table.
macro_rules! rules {
    ($(
        $(#[doc = $about:literal])+
        $field:ident = $name:literal, $source:literal, $choices:ident {
            $(#[doc = $usual_meaning:literal])+
            $usual:ident = $usual_name:literal,
            $( $(#[doc = $meaning:literal])+ $choice:ident = $choice_name:literal, )+
        }
    )+) => {
        $(
            $(#[doc = $about])+
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
            pub enum $choices {
                $(#[doc = $usual_meaning])+
                #[default]
                #[serde(rename = $usual_name)]
                $usual,
                $(
                    $(#[doc = $meaning])+
                    #[serde(rename = $choice_name)]
                    $choice,
                )+
            }

            impl $choices {
                const fn name(self) -> &'static str {
                    match self {
                        Self::$usual => $usual_name,
                        $( Self::$choice => $choice_name, )+
                    }
                }
            }
        )+

        /// The choice of each rule.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
        #[serde(default)]
        pub struct Rules {
            $(
                $(#[doc = $about])+
                #[serde(rename = $name)]
                pub $field: $choices,
            )+
        }

        impl Rules {
            /// All rules, in the order in which they are told.
            pub const CARDS: &'static [RuleCard] = &[ $(
                RuleCard {
                    name: $name,
                    about: concat!($($about),+),
                    source: $source,
                    choices: &[
                        ChoiceCard { name: $usual_name, meaning: concat!($($usual_meaning),+) },
                        $( ChoiceCard { name: $choice_name, meaning: concat!($($meaning),+) }, )+
                    ],
                },
            )+ ];

            /// The names of what is chosen, in the order of [`Rules::CARDS`].
            #[must_use]
            pub fn chosen(&self) -> Vec<&'static str> {
                vec![ $( self.$field.name() ),+ ]
            }

            /// Chooses, by the names.
            ///
            /// # Errors
            /// [`RuleFault`] for a name that is not known; nothing is changed then.
            pub fn choose(&mut self, rule: &str, choice: &str) -> Result<(), RuleFault> {
                let card = Self::CARDS.iter().find(|card| card.name == rule);
                let rule = card.ok_or_else(|| RuleFault::UnknownRule(rule.to_owned()))?;
                match (rule.name, choice) {
                    $(
                        ($name, $usual_name) => self.$field = $choices::$usual,
                        $( ($name, $choice_name) => self.$field = $choices::$choice, )+
                    )+
                    _ => return Err(RuleFault::UnknownChoice { rule, choice: choice.to_owned() }),
                }
                Ok(())
            }
        }
    };
}
use rules;
