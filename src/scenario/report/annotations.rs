//! Workflow commands that GitHub shows at the line of the scenario that failed.

use crate::diagnostic::Diagnostic;

use super::super::result::{PlayResult, ScenarioResult};

/// A line for each failure and each mistake in a file.
#[must_use]
pub fn play(result: &PlayResult) -> String {
    let problems = result.problems.iter().map(of_problem);
    let failures = result.scenarios.iter().map(of_scenario);
    problems.chain(failures).collect()
}

fn of_problem(problem: &Diagnostic) -> String {
    let fix = problem.suggestion.as_deref().map_or_else(String::new, |fix| format!("\nfix: {fix}"));
    let place = problem.place.as_ref().map(|place| (place.line, place.column));
    command(&problem.file, place, "bad file", &format!("{}{fix}", problem.message))
}

fn of_scenario(result: &ScenarioResult) -> String {
    let of = |failure: &super::super::result::Failure| {
        let text =
            format!("{}: expected {}, found {}\nfix: {}", failure.what, failure.expected, failure.found, failure.fix);
        command(&result.source.file, Some((failure.spot.line, failure.spot.column)), &result.name, &text)
    };
    result.failures().map(of).collect()
}

fn command(file: &str, place: Option<(u32, u32)>, title: &str, message: &str) -> String {
    let place = place.map_or_else(String::new, |(line, column)| format!(",line={line},col={column}"));
    format!("::error file={}{place},title={}::{}\n", property(file), property(title), data(message))
}

/// What a message may not hold.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What a property may not hold: it ends at a comma, and the properties end at a colon.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_end_a_command_early_is_escaped() {
        assert_eq!(
            command("a,b:c.yaml", Some((3, 7)), "100 %", "x: 1, y\r\n50 %"),
            "::error file=a%2Cb%3Ac.yaml,line=3,col=7,title=100 %25::x: 1, y%0D%0A50 %25\n"
        );
        assert_eq!(command("a.yaml", None, "t", "m"), "::error file=a.yaml,title=t::m\n");
    }
}
