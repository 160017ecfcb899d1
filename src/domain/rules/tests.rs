use std::collections::BTreeSet;

use super::{FailureAnswer, RuleFault, Rules};

#[test]
fn every_choice_of_every_rule_can_be_made_and_is_named_as_it_is_stored() {
    for (place, card) in Rules::CARDS.iter().enumerate() {
        for choice in card.choices {
            let mut rules = Rules::default();
            rules.choose(card.name, choice.name).unwrap();
            assert_eq!(rules.chosen().get(place), Some(&choice.name), "{}", card.name);
            let stored = serde_json::to_value(rules).unwrap();
            assert_eq!(stored.get(card.name).and_then(|chosen| chosen.as_str()), Some(choice.name), "{}", card.name);
            assert_eq!(serde_json::from_value::<Rules>(stored).unwrap(), rules, "{}", card.name);
        }
    }
}

#[test]
fn the_first_choice_is_the_default() {
    let first: Vec<&str> = Rules::CARDS.iter().filter_map(|card| card.choices.first()).map(|card| card.name).collect();
    assert_eq!(Rules::default().chosen(), first);
}

#[test]
fn no_name_is_given_twice() {
    let names: BTreeSet<&str> = Rules::CARDS.iter().map(|card| card.name).collect();
    assert_eq!(names.len(), Rules::CARDS.len());
    for card in Rules::CARDS {
        let choices: BTreeSet<&str> = card.choices.iter().map(|choice| choice.name).collect();
        assert_eq!(choices.len(), card.choices.len(), "{}", card.name);
    }
}

#[test]
fn what_is_not_known_is_refused_and_changes_nothing() {
    let mut rules = Rules { failure_answer: FailureAnswer::Ignored, ..Rules::default() };
    let before = rules;
    assert_eq!(rules.choose("failureanswer", "ignored"), Err(RuleFault::UnknownRule("failureanswer".to_owned())));
    assert!(matches!(rules.choose("failureAnswer", "text"), Err(RuleFault::UnknownChoice { .. })));
    assert_eq!(rules, before);
}

#[test]
fn a_sandbox_of_an_older_version_has_the_defaults() {
    assert_eq!(serde_json::from_str::<Rules>("{}").unwrap(), Rules::default());
}
