//! The C functions of the network, and what is safe to call.

use std::ffi::{c_char, c_int, c_void, CStr};

mod size {
    #![allow(dead_code)]
    include!(concat!(env!("OUT_DIR"), "/sizes.rs"));
}

extern "C" {
    static digits_labels: [*const c_char; size::LABELS];
    fn digits_message(status: c_int) -> *const c_char;
    fn digits_context_size() -> usize;
    fn digits_init(memory: *mut c_void, size: usize, isa: *const c_char) -> *mut c_void;
    fn digits_run(context: *mut c_void, input: *const f32, output: *mut f32) -> c_int;
    fn digits_prepare_size(width: c_int, height: c_int) -> usize;
    fn digits_prepare(
        pixels: *const u8,
        width: c_int,
        height: c_int,
        channels: c_int,
        workspace: *mut c_void,
        size: usize,
        input: *mut f32,
    ) -> c_int;
}

/// Pixels of 8 bits, rows from the top, the channels of a pixel side by side.
pub struct Picture {
    width: usize,
    height: usize,
    channels: usize,
    pixels: Vec<u8>,
}

impl Picture {
    /// Reads a PPM (P6) or PGM (P5) file without comments.
    pub fn from_ppm(bytes: &[u8]) -> Option<Picture> {
        let mut words = bytes.splitn(4, |byte| byte.is_ascii_whitespace());
        let channels = match words.next()? {
            b"P5" => 1,
            b"P6" => 3,
            _ => return None,
        };
        let number = |word: Option<&[u8]>| std::str::from_utf8(word?).ok()?.parse::<u16>().ok();
        let (width, height) = (
            number(words.next())? as usize,
            number(words.next())? as usize,
        );
        let pixels = words.next()?.strip_prefix(b"255")?.get(1..)?;
        let whole = width > 0 && height > 0 && pixels.len() == width * height * channels;
        whole.then(|| Picture {
            width,
            height,
            channels,
            pixels: pixels.to_vec(),
        })
    }
}

/// A context of the network, in memory of its own. One for each thread; the weights are there once.
pub struct Network {
    context: *mut c_void,
    _memory: Vec<u8>, // that the context lies in
}

impl Network {
    pub fn new() -> Network {
        // SAFETY: both only look at the memory that is given, which lives as long as the context.
        let mut memory = vec![0; unsafe { digits_context_size() }];
        let context =
            unsafe { digits_init(memory.as_mut_ptr().cast(), memory.len(), std::ptr::null()) };
        assert!(!context.is_null(), "expected memory for a context");
        Network {
            context,
            _memory: memory,
        }
    }

    /// The best class and its probability.
    pub fn classify(&mut self, picture: &Picture) -> Result<(String, f32), String> {
        let input = prepare(picture)?;
        let mut output = vec![0.0; size::OUTPUTS];
        // SAFETY: input and output have the sizes of the header.
        checked(unsafe { digits_run(self.context, input.as_ptr(), output.as_mut_ptr()) })?;
        let best = (0..size::OUTPUTS)
            .max_by(|&a, &b| output[a].total_cmp(&output[b]))
            .unwrap();
        Ok((label(best), output[best]))
    }
}

/// Makes a picture the input of the network, by the steps that the model file states.
fn prepare(picture: &Picture) -> Result<Vec<f32>, String> {
    let [width, height, channels] =
        [picture.width, picture.height, picture.channels].map(|edge| edge as c_int);
    let mut input = vec![0.0; size::HEIGHT * size::WIDTH * size::CHANNELS];
    // SAFETY: the workspace has the size that is asked for, the picture that of its pixels.
    let mut workspace = vec![0u8; unsafe { digits_prepare_size(width, height) } + 8];
    checked(unsafe {
        digits_prepare(
            picture.pixels.as_ptr(),
            width,
            height,
            channels,
            workspace.as_mut_ptr().cast(),
            workspace.len(),
            input.as_mut_ptr(),
        )
    })?;
    Ok(input)
}

fn checked(status: c_int) -> Result<(), String> {
    // SAFETY: every status has a text that lives as long as the program.
    let text = || unsafe { CStr::from_ptr(digits_message(status)) };
    (status == 0)
        .then_some(())
        .ok_or_else(|| text().to_string_lossy().into_owned())
}

/// The name of a class, or its number where the model has no names.
fn label(class: usize) -> String {
    // SAFETY: the texts live as long as the program.
    let text = |&label: &*const c_char| {
        unsafe { CStr::from_ptr(label) }
            .to_string_lossy()
            .into_owned()
    };
    unsafe { &digits_labels }
        .get(class)
        .map_or_else(|| class.to_string(), text)
}
