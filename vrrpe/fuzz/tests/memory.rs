//! What a message may cost before it is refused: a length that lies must not be believed. A
//! counting allocator stands behind the test.
#![cfg(test)]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::fs;
use std::path::Path;
use vipd_fuzz::ipc;

/// serde reserves a mebibyte at most for a list of claimed length; the rest is the message, and lists
/// inside of the list.
const MOST: usize = (1 << 20) + (128 << 10);

thread_local! {
    static NOW: Cell<usize> = const { Cell::new(0) };
    static PEAK: Cell<usize> = const { Cell::new(0) };
}

struct Counting;

// SAFETY: every call is passed on unchanged to the system's allocator, which keeps the contract;
// the counters are thread-local `Cell`s without destructor and allocate nothing themselves.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.get().saturating_add(layout.size());
        NOW.set(now);
        PEAK.set(PEAK.get().max(now));
        // SAFETY: the caller's promise about `layout` is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.set(NOW.get().saturating_sub(layout.size()));
        // SAFETY: `pointer` came from `System.alloc` with this `layout`.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Input: a message of every variant, with a huge number wherever one may stand.
#[test]
fn a_length_is_not_believed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/ipc");
    let (mut messages, mut most) = (0, 0);
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if !path.file_name().unwrap().to_string_lossy().starts_with("seed-") {
            continue;
        }
        let message = fs::read(path).unwrap();
        messages += 1;
        for at in 1..message.len().min(400) {
            for huge in [u64::MAX, 1 << 40, 1 << 20, 8000] {
                let mut forged = message.clone();
                for (place, byte) in forged.iter_mut().skip(at).zip(huge.to_le_bytes()) {
                    *place = byte;
                }
                let before = NOW.get();
                PEAK.set(before);
                ipc::run(&forged);
                most = most.max(PEAK.get() - before);
            }
        }
    }
    println!("{messages} messages, {most} bytes at most");
    assert!(messages > 50 && most <= MOST, "{messages} messages, {most} bytes");
}
