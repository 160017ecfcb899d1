//! The manual page: one for the program, with a section for each verb, since a page that leaves out the flags says little.

use std::fmt::Write as _;

use clap::Command;
use clap_mangen::Man;

/// The page, as roff.
pub(super) fn page(mut command: Command) -> std::io::Result<String> {
    // Makes what is derived, such as the usage of a verb.
    command.build();
    let mut page = Vec::new();
    let man = Man::new(command.clone());
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    man.render_extra_section(&mut page)?;
    let mut page = String::from_utf8_lossy(&page).into_owned();
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help" && !verb.is_hide_set()) {
        let mut section = Vec::new();
        let man = Man::new(verb.clone());
        man.render_synopsis_section(&mut section)?;
        man.render_description_section(&mut section)?;
        man.render_options_section(&mut section)?;
        man.render_extra_section(&mut section)?;
        // What would be sections of a page of its own are parts of one here.
        let section = String::from_utf8_lossy(&section).replace("\n.SH ", "\n.SS ");
        let section = section.strip_prefix(".SH ").map_or_else(|| section.clone(), |rest| format!(".SS {rest}"));
        let _infallible = writeln!(page, ".SH \"REHEARSAL {}\"\n{section}", verb.get_name().to_uppercase());
    }
    let mut version = Vec::new();
    Man::new(command).render_version_section(&mut version)?;
    Ok(page + &String::from_utf8_lossy(&version))
}
