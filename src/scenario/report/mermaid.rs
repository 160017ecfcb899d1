//! The sequence of who called whom as Mermaid diagrams, one for each scenario.

use super::{
    super::result::{PlayResult, ScenarioResult, player},
    text::PLAYERS,
};

/// The diagrams in a Markdown document, each under its scenario's name.
#[must_use]
pub fn play(result: &PlayResult) -> String {
    let sections = result.scenarios.iter().map(|scenario| {
        let title = scenario.name.replace('\n', " ");
        format!("## {title}\n\n`{}`\n\n```mermaid\n{}```\n", scenario.source.file, self::scenario(scenario))
    });
    sections.collect::<Vec<_>>().join("\n")
}

/// The diagram of one scenario.
#[must_use]
pub fn scenario(result: &ScenarioResult) -> String {
    let mut out = String::from("sequenceDiagram\n");
    let takes_part = |who| {
        result.journal.iter().any(|line| line.from == who || line.call.as_ref().is_some_and(|call| call.to == who))
    };
    for who in PLAYERS.into_iter().filter(|who| takes_part(*who)) {
        out.push_str(&format!("    participant {}\n", player(who)));
    }
    for line in &result.journal {
        let from = player(line.from);
        out.push_str(&match &line.call {
            Some(call) => {
                let to = player(call.to);
                let what = escaped(&format!("{} {}", call.method, call.path));
                let back = if call.status < 400 { "-->>" } else { "--x" };
                format!("    {from}->>{to}: {what}\n    {to}{back}{from}: {}\n", call.status)
            }
            None => format!("    Note over {from}: {}\n", escaped(&line.summary)),
        });
    }
    out
}

/// Mermaid ends a statement at `;` and a line, begins a comment at `%%` and an entity at `#`.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            ';' => out.push_str("#59;"),
            '#' => out.push_str("#35;"),
            '%' => out.push_str("#37;"),
            '<' => out.push_str("#lt;"),
            '>' => out.push_str("#gt;"),
            '\n' | '\r' => out.push(' '),
            other => out.push(other),
        }
    }
    out
}
