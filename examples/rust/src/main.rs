//! Classifies pictures, PPM or PGM files of 8 bits: cargo run -- PICTURE...

mod network;

use network::{Network, Picture};
use std::{env, fs, process::ExitCode};

fn read(path: &str) -> Result<Picture, String> {
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    Picture::from_ppm(&bytes).ok_or_else(|| "expected a PPM or PGM file of 8 bits".to_string())
}

fn main() -> ExitCode {
    let mut network = Network::new();
    let mut code = ExitCode::SUCCESS;
    for path in env::args().skip(1) {
        match read(&path).and_then(|picture| network.classify(&picture)) {
            Ok((label, probability)) => println!("{path}: {label} {probability:.2}"),
            Err(why) => {
                eprintln!("{path}: {why}");
                code = ExitCode::from(2);
            }
        }
    }
    code
}
