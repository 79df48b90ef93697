//! The system calls that the parent never needs once it runs: a process that tries one of them has
//! been captured, and the kernel ends it. A deny list, because the parent's libraries may call what
//! they like among the harmless; the children have allow lists.

use seccompiler::{BpfProgram, SeccompAction, SeccompFilter, SeccompRule, TargetArch};
use std::collections::BTreeMap;

/// Each with the reason why its absence matters.
pub(crate) const DENIED: &[(libc::c_long, &str)] = &[
    (libc::SYS_execve, "runs a program"),
    (libc::SYS_execveat, "runs a program"),
    (libc::SYS_clone, "makes a process"),
    (libc::SYS_clone3, "makes a process"),
    (libc::SYS_ptrace, "takes another process over"),
    (libc::SYS_process_vm_readv, "reads another process"),
    (libc::SYS_process_vm_writev, "writes another process"),
    (libc::SYS_kcmp, "compares the insides of processes"),
    (libc::SYS_pidfd_getfd, "steals a descriptor"),
    (libc::SYS_init_module, "loads kernel code"),
    (libc::SYS_finit_module, "loads kernel code"),
    (libc::SYS_delete_module, "unloads kernel code"),
    (libc::SYS_kexec_load, "exchanges the kernel"),
    (libc::SYS_kexec_file_load, "exchanges the kernel"),
    (libc::SYS_bpf, "runs code in the kernel"),
    (libc::SYS_perf_event_open, "watches the kernel"),
    (libc::SYS_userfaultfd, "a tool of kernel exploits"),
    (libc::SYS_io_uring_setup, "a way round this list"),
    (libc::SYS_io_uring_enter, "a way round this list"),
    (libc::SYS_io_uring_register, "a way round this list"),
    (libc::SYS_keyctl, "kernel keys"),
    (libc::SYS_add_key, "kernel keys"),
    (libc::SYS_request_key, "kernel keys"),
    (libc::SYS_mount, "changes what files mean"),
    (libc::SYS_umount2, "changes what files mean"),
    (libc::SYS_pivot_root, "changes what files mean"),
    (libc::SYS_move_mount, "changes what files mean"),
    (libc::SYS_open_tree, "changes what files mean"),
    (libc::SYS_fsopen, "changes what files mean"),
    (libc::SYS_fsconfig, "changes what files mean"),
    (libc::SYS_fsmount, "changes what files mean"),
    (libc::SYS_chroot, "changes what files mean"),
    (libc::SYS_open_by_handle_at, "opens a file past its folder"),
    (libc::SYS_name_to_handle_at, "opens a file past its folder"),
    (libc::SYS_unshare, "makes a namespace"),
    (libc::SYS_setns, "enters a namespace"),
    (libc::SYS_setuid, "changes the account"),
    (libc::SYS_setgid, "changes the account"),
    (libc::SYS_setreuid, "changes the account"),
    (libc::SYS_setregid, "changes the account"),
    (libc::SYS_setresuid, "changes the account"),
    (libc::SYS_setresgid, "changes the account"),
    (libc::SYS_setgroups, "changes the account"),
    (libc::SYS_setfsuid, "changes the account"),
    (libc::SYS_setfsgid, "changes the account"),
    (libc::SYS_personality, "weakens the address-space layout"),
    (libc::SYS_reboot, "ends the host"),
    (libc::SYS_swapon, "changes the host"),
    (libc::SYS_swapoff, "changes the host"),
    (libc::SYS_acct, "changes the host"),
    (libc::SYS_quotactl, "changes the host"),
    (libc::SYS_sethostname, "changes the host"),
    (libc::SYS_setdomainname, "changes the host"),
    (libc::SYS_settimeofday, "sets the clock"),
    (libc::SYS_clock_settime, "sets the clock"),
    (libc::SYS_clock_adjtime, "sets the clock"),
    (libc::SYS_adjtimex, "sets the clock"),
    (libc::SYS_syslog, "reads the kernel's log"),
    (libc::SYS_lookup_dcookie, "profiles the kernel"),
    (libc::SYS_vhangup, "terminals"),
    (libc::SYS_mbind, "memory placement"),
    (libc::SYS_migrate_pages, "memory placement"),
    (libc::SYS_move_pages, "memory placement"),
    (libc::SYS_set_mempolicy, "memory placement"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_fork, "makes a process"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_vfork, "makes a process"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_iopl, "reaches the hardware"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_ioperm, "reaches the hardware"),
    #[cfg(target_arch = "x86_64")]
    (libc::SYS_modify_ldt, "changes segments"),
];

/// The second door to the same calls on x86_64 kernels that offer the x32 ABI.
const X32: i64 = 0x4000_0000;

pub(crate) fn apply() -> Result<(), String> {
    seccompiler::apply_filter(&program()?).map_err(|e| e.to_string())
}

fn program() -> Result<BpfProgram, String> {
    let arch = TargetArch::try_from(std::env::consts::ARCH).map_err(|e| e.to_string())?;
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    for (number, _) in DENIED {
        rules.insert(*number, Vec::new());
        if cfg!(target_arch = "x86_64") {
            rules.insert(*number | X32, Vec::new());
        }
    }
    let (otherwise, denied) = (SeccompAction::Allow, SeccompAction::KillProcess);
    let filter = SeccompFilter::new(rules, otherwise, denied, arch).map_err(|e| e.to_string())?;
    filter.try_into().map_err(|e: seccompiler::BackendError| e.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_denied_call_has_a_reason_and_stands_once() {
        let mut numbers: Vec<_> = DENIED.iter().map(|(number, _)| number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), DENIED.len());
        assert!(DENIED.iter().all(|(_, reason)| !reason.is_empty()));
        assert!(program().is_ok());
    }
}
