//! What makes it a simulation: the sandbox's clock and its randomness. The only room that reads the OS clock or draws
//! random numbers.

pub mod clock;
pub mod entropy;
