//! Writes a capture as a file for tshark and its kin. Times in it are those of the monotonic clock.

use crate::capture::Packet;
use crate::error::{Context, Result};
use std::fs;
use std::path::Path;

/// # Errors
/// When the file cannot be written.
pub fn write(path: &Path, packets: &[Packet]) -> Result<()> {
    // Nanosecond magic, version 2.4, no zone, 64 KiB at most, Ethernet.
    let mut file = Vec::from(0xa1b2_3c4d_u32.to_le_bytes());
    file.extend([2, 0, 4, 0]);
    file.extend([0; 8]);
    file.extend(65535_u32.to_le_bytes());
    file.extend(1_u32.to_le_bytes());
    for packet in packets {
        let length = u32::try_from(packet.bytes.len()).during("pcap")?;
        let (seconds, nanos) =
            (packet.at.nanos() / 1_000_000_000, packet.at.nanos() % 1_000_000_000);
        for word in [seconds, nanos] {
            file.extend(u32::try_from(word).during("pcap")?.to_le_bytes());
        }
        file.extend(length.to_le_bytes());
        file.extend(length.to_le_bytes());
        file.extend(&packet.bytes);
    }
    fs::write(path, file).during(path.display())
}
