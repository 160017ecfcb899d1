use std::collections::BTreeMap;

use serde::Deserialize;

use super::*;

const TEXT: &str = "offers:\n  - id: crm\n    pirce: 10\n    app: { clientSecret: hush, id: 1 }\n";

fn at(line: u32, column: u32, width: u32) -> Diagnostic {
    SourceFile::new("f.yaml", TEXT).problem(Spot { line, column, width }, "this is wrong")
}

#[test]
fn a_problem_shows_its_line_and_points_at_the_word() {
    let shown = at(3, 5, 5).with_suggestion("did you mean `price`?").render();
    let expected = "\
error: this is wrong
 --> f.yaml:3:5
    3 |     pirce: 10
      |     ^^^^^
  fix: did you mean `price`?
";
    assert_eq!(shown, expected);
}

#[test]
fn a_problem_without_a_place_names_the_file_alone() {
    assert_eq!(Diagnostic::of_file("a.yaml", "can't be read").render(), "error: can't be read\n --> a.yaml\n");
}

#[test]
fn places_beyond_the_text_are_shown_without_a_panic() {
    let shown = at(99, 7, 40).to_string();
    assert_eq!(shown, "error: this is wrong\n --> f.yaml:99:7\n   99 | \n      | ^");
    assert_eq!(at(0, 0, 0).link(), "f.yaml:1:1");
}

#[test]
fn secrets_are_starred_out_and_the_carets_still_fit() {
    let shown = at(4, 32, 2).to_string();
    assert!(shown.contains("    4 |     app: { clientSecret: ****, *** * }\n"), "{shown}");
    assert!(!shown.contains("hush"));
    for line in [
        "clientSecert: hush",
        "- {a: b, PASSWORD: hush}",
        "my_secret_key : hush",
        "{\"clientSecrt\": \"hush\"}",
        "x: {clientSecret: 'hush' }",
    ] {
        let file = SourceFile::new("f.yaml", line);
        let shown = file.problem(Spot { line: 1, column: 1, width: 1 }, "x").to_string();
        assert!(!shown.contains("hush"), "{shown}");
    }
}

#[test]
fn a_file_can_not_steer_the_terminal() {
    let file = SourceFile::new("f\u{1b}.yaml", "a: \u{1b}[31mred\tx\n");
    let shown = file.problem(Spot { line: 1, column: 13, width: 1 }, "bad \u{1b} text\nhere").to_string();
    assert!(!shown.contains('\u{1b}'));
    assert!(shown.ends_with("\n    1 | a: \u{fffd}[31mred\tx\n      |            \t^"), "{shown}");
}

#[test]
fn a_long_line_is_cut_around_the_mistake() {
    let text = format!("{}HERE{}", "a".repeat(300), "b".repeat(300));
    let shown = SourceFile::new("f.yaml", &text).problem(Spot { line: 1, column: 301, width: 4 }, "x").to_string();
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(lines[2].chars().count(), 8 + 1 + WINDOW + 1);
    let column = |line: &str, word: &str| line.find(word).map(|byte| line[..byte].chars().count());
    assert_eq!(column(lines[2], "HERE"), column(lines[3], "^^^^"));
}

#[test]
fn reports_are_counted() {
    let one = Diagnostic::of_file("a", "x");
    assert_eq!(render_all(&[]), "");
    assert_eq!(render_all(std::slice::from_ref(&one)), "error: x\n --> a\n\n1 problem\n");
    assert!(render_all(&[one.clone(), one]).ends_with("\n2 problems\n"));
}

#[test]
fn json_has_the_place_beside_the_message() {
    let json = serde_json::to_string(&at(2, 5, 2)).unwrap();
    assert_eq!(
        json,
        r#"{"file":"f.yaml","line":2,"column":5,"width":2,"sourceLine":"  - id: crm","message":"this is wrong","suggestion":null}"#
    );
}

#[test]
fn misspelt_words_find_the_nearest_candidate() {
    let fields = ["price", "pricing", "id", "name", "freeTrial"];
    let table = [
        ("pirce", Some("price")),
        ("Price", Some("price")),
        ("freetrail", Some("freeTrial")),
        ("pricng", Some("pricing")),
        ("nmae", Some("name")),
        ("colour", None),
        ("xx", None),
        ("", None),
    ];
    for (word, expected) in table {
        assert_eq!(did_you_mean(word, fields), expected, "{word:?}");
    }
    assert_eq!(advise("zzz", ["a1", "b2", "c3"]).unwrap(), "use `a1`, `b2` or `c3`");
    assert_eq!(advise("zzz", []), None);
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sample {
    #[expect(dead_code, reason = "only its presence matters")]
    unit_price: u32,
    #[expect(dead_code, reason = "only its presence matters")]
    kind: Kind,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Kind {
    FlatRate,
    PerUser,
}

#[test]
fn what_the_yaml_reader_says_is_told_in_our_words() {
    let table = [
        ("unitPrice: 1\nkind: flatRate\nunitPrize: 2\n", "3:1 unknown field `unitPrize`", "did you mean `unitPrice`?"),
        ("unitPrice: 1\nkind: flatrate\n", "2:7 `flatrate` is not known here", "did you mean `flatRate`?"),
        ("unitPrice: 1\nkind: other\n", "2:7 `other` is not known here", "use `flatRate` or `perUser`"),
        (
            "unitPrice: 1\n",
            "1:1 missing field `kind`",
            "add `kind:`; if it is there, check that it is indented like its neighbours",
        ),
        ("unitPrice: 1\nunitPrice: 2\n", "2:1 `unitPrice` is given twice", "keep one of the two"),
        (
            "unitPrice:\n\tkind: 1\n",
            "2:1 a tab in the indentation",
            "indent with spaces: YAML does not allow tabs there",
        ),
        (
            "unitPrice: 1\n\tkind: 1\n",
            "2:1 a tab in the indentation",
            "indent with spaces: YAML does not allow tabs there",
        ),
        (
            "kind: flatRate: b\n",
            "1:15 mapping values are not allowed in this context",
            "check the indentation, and quote a text that contains `: `",
        ),
        ("kind: 'x\n", "1:7 unclosed quote", "close the quote that opens here"),
        (
            "unitPrice: 1\nkind: flatRate\n---\nx: 1\n",
            "4:1 a second document starts here",
            "put it into a file of its own, and leave out the `---`",
        ),
        ("kind: *no\n", "1:7 no anchor of this name comes before", "quote a text that starts with `*`"),
        ("unitPrice: many\nkind: flatRate\n", "1:12 a whole number is wanted here", ""),
    ];
    let mut wrong = BTreeMap::new();
    for (text, what, fix) in table {
        let error = serde_saphyr::from_str::<Sample>(text).unwrap_err();
        let found = SourceFile::new("f.yaml", text).yaml_problem(&error);
        let place = found.place.unwrap();
        let told = format!("{}:{} {}", place.line, place.column, found.message);
        if told != what || found.suggestion.as_deref().unwrap_or_default() != fix {
            wrong.insert(text, (told, found.suggestion));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn a_byte_order_mark_is_no_part_of_the_text() {
    assert_eq!(SourceFile::new("f.yaml", "\u{feff}a: 1\n").text, "a: 1\n");
}
