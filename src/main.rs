//! The `rehearsal` binary: hands the command line to the library and exits with its code.

// Requests are many small allocations that live briefly; the system's allocator costs them a sixth of their time.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    rehearsal::cli::main()
}
