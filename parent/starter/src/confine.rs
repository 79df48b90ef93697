//! System calls that neither the starter nor any script of it has business with, each with its
//! reason. Scripts inherit the filter, so it is a list of what is denied, and denied with EPERM, as
//! a program without privilege would find it anyway. Sockets are not on it: scripts ask the network.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter};
use std::collections::BTreeMap;

/// The filter ends programs of another machine type (32 bit on 64), because the numbers differ.
const DENIED: &[(i64, &str)] = &[
    (libc::SYS_ptrace, "looking into other processes"),
    (libc::SYS_process_vm_readv, "looking into other processes"),
    (libc::SYS_process_vm_writev, "looking into other processes"),
    (libc::SYS_process_madvise, "looking into other processes"),
    (libc::SYS_kcmp, "looking into other processes"),
    (libc::SYS_pidfd_getfd, "taking descriptors of other processes"),
    (libc::SYS_init_module, "kernel code"),
    (libc::SYS_finit_module, "kernel code"),
    (libc::SYS_delete_module, "kernel code"),
    (libc::SYS_kexec_load, "kernel code"),
    (libc::SYS_kexec_file_load, "kernel code"),
    (libc::SYS_bpf, "kernel code"),
    (libc::SYS_perf_event_open, "a large door into the kernel"),
    (libc::SYS_userfaultfd, "a help for exploits"),
    (libc::SYS_keyctl, "keys"),
    (libc::SYS_add_key, "keys"),
    (libc::SYS_request_key, "keys"),
    (libc::SYS_mount, "mounts"),
    (libc::SYS_umount2, "mounts"),
    (libc::SYS_pivot_root, "mounts"),
    (libc::SYS_move_mount, "mounts"),
    (libc::SYS_open_tree, "mounts"),
    (libc::SYS_fsopen, "mounts"),
    (libc::SYS_fsconfig, "mounts"),
    (libc::SYS_fsmount, "mounts"),
    (libc::SYS_fspick, "mounts"),
    (libc::SYS_mount_setattr, "mounts"),
    (libc::SYS_chroot, "mounts"),
    (libc::SYS_setns, "namespaces"),
    (libc::SYS_unshare, "namespaces"),
    (libc::SYS_open_by_handle_at, "files past their directories"),
    (libc::SYS_swapon, "the host"),
    (libc::SYS_swapoff, "the host"),
    (libc::SYS_reboot, "the host"),
    (libc::SYS_acct, "the host"),
    (libc::SYS_quotactl, "the host"),
    (libc::SYS_vhangup, "the host"),
    (libc::SYS_sethostname, "the host"),
    (libc::SYS_setdomainname, "the host"),
    (libc::SYS_settimeofday, "the clock"),
    (libc::SYS_clock_settime, "the clock"),
];

/// The second door to the same calls on x86_64 kernels that offer the x32 ABI.
const X32: i64 = 0x4000_0000;

pub(crate) fn apply() -> Result<(), String> {
    let mut rules: BTreeMap<_, _> = DENIED.iter().map(|(call, _)| (*call, Vec::new())).collect();
    if cfg!(target_arch = "x86_64") {
        rules.extend(DENIED.iter().map(|(call, _)| (*call | X32, Vec::new())));
    }
    let arch = std::env::consts::ARCH.try_into().map_err(|_| "unknown machine".to_string())?;
    let denied = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    let filter =
        SeccompFilter::new(rules, SeccompAction::Allow, denied, arch).map_err(|e| e.to_string())?;
    let program: BpfProgram =
        filter.try_into().map_err(|e: seccompiler::BackendError| e.to_string())?;
    seccompiler::apply_filter(&program).map_err(|e| e.to_string())
}
