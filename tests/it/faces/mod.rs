//! The faces, called in process, on a store in memory.

mod console;
