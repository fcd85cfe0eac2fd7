//! Links the library that CMake has made of a folder of `lcnn embed`, and takes the sizes from its header.

use std::{env, fs, path::Path};

/// The lines `#define DIGITS_NAME number` as constants of Rust.
fn sizes(header: &str) -> String {
    let lines = header
        .lines()
        .filter_map(|line| line.strip_prefix("#define DIGITS_"));
    let pairs = lines.filter_map(|line| line.split_once(' '));
    pairs
        .map(|(name, number)| format!("pub const {name}: usize = {number};\n"))
        .collect()
}

fn main() {
    let folder = env::var("DIGITS")
        .expect("expected in DIGITS the whole path of the folder that lcnn embed has written");
    let header = format!("{folder}/digits.h");
    let text = fs::read_to_string(&header).unwrap_or_else(|error| panic!("{header}: {error}"));
    fs::write(
        Path::new(&env::var("OUT_DIR").unwrap()).join("sizes.rs"),
        sizes(&text),
    )
    .unwrap();
    println!("cargo:rustc-link-search=native={folder}/build");
    println!("cargo:rustc-link-lib=static=digits");
    println!("cargo:rustc-link-lib=m");
    println!("cargo:rerun-if-env-changed=DIGITS");
    println!("cargo:rerun-if-changed={header}");
    println!("cargo:rerun-if-changed={folder}/build/libdigits.a");
}
