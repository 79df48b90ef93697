//! One host: its namespaces, files, processes and witnesses. Everything it starts dies with it, and
//! nothing it does changes a file of the real host outside the laboratory's own directory.

use crate::clock::{Stamp, wait_until};
use crate::error::{Context, Error, Result};
use crate::fault::{Cut, Fault};
use crate::holder::Holder;
use crate::net::{INTERFACE, Plug, ipv6_of};
use crate::netns::NetNs;
use crate::paths::WorkDir;
use crate::process::{Process, namespace_of, processes_in};
use crate::run::{self, Output, tool};
use crate::spawned::Spawned;
use crate::syslog::Syslog;
use crate::watch::AddressWatch;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

/// A running host, or one that is powered off; dropped, it is gone.
#[derive(Debug)]
pub struct Node {
    name: String,
    address: String,
    address6: String,
    plug: Plug,
    holder: Holder,
    processes: PathBuf,
    watch: AddressWatch,
    syslog: Syslog,
    off: Option<Stamp>,
    dir: PathBuf,
    started: AtomicU32,
    _work: Arc<WorkDir>,
}

/// `$1` is the node's directory, `$2` its name. /tmp stays the host's: the build tree may be there.
/// No address waits for duplicate address detection or comes from a router's advertisement.
const SETUP: &str = r#"
d=$1
hostname "$2"
mount -t proc proc /proc
mount -t sysfs sysfs /sys 2>/dev/null || :
mount -t tmpfs -o mode=755 lab-files "$d/files"
cd "$d/files"
mkdir over work etc run run/lock run/vipd run/frr log log/apache2 log/nginx log/frr vartmp
mount -t overlay -o "lowerdir=/etc,upperdir=$d/files/over,workdir=$d/files/work" lab-etc /etc || {
    cp -a /etc/. etc
    mount --bind etc /etc
}
mkdir -p /etc/vipd /etc/keepalived
cat "$d/passwd" >> /etc/passwd
cat "$d/group" >> /etc/group
mount --bind run /run
mount --bind log /var/log
mount --bind vartmp /var/tmp
cd /
mount -t tmpfs -o mode=755 lab-dev "$d/dev"
for n in null zero full random urandom tty; do
    : > "$d/dev/$n"
    mount --bind "/dev/$n" "$d/dev/$n"
done
mkdir "$d/dev/pts" "$d/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 lab-pts "$d/dev/pts"
mount -t tmpfs -o mode=1777 lab-shm "$d/dev/shm"
ln -s pts/ptmx "$d/dev/ptmx"
ln -s /proc/self/fd "$d/dev/fd"
: > "$d/dev/log"
mount --bind "$d/log.socket" "$d/dev/log"
mount --move "$d/dev" /dev
ip link set lo up
for n in accept_dad accept_ra router_solicitations; do
    echo 0 > "/proc/sys/net/ipv6/conf/default/$n" || :
done
"#;

/// Numbers that no distribution gives away; only the node's own files know them.
const ACCOUNTS: [(&str, u32); 4] =
    [("_vipd", 64901), ("_vipd_vrrpe", 64902), ("_vipd_checker", 64903), ("_vipd_script", 64904)];
const CONTROL_GROUP: (&str, u32) = ("vipctl", 64905);

impl Node {
    pub(crate) fn boot(
        name: &str,
        address: &str,
        dir: PathBuf,
        work: Arc<WorkDir>,
        plug: Plug,
    ) -> Result<Self> {
        let ipv4 = address.split('/').next().unwrap_or_default().parse().during(address)?;
        make_files(&dir)?;
        let syslog = Syslog::listen(&dir.join("log.socket"))?;
        let kinds = ["--net", "--mount", "--pid", "--uts", "--ipc", "--propagation", "private"];
        let holder = Holder::start(&kinds, SETUP, &[&dir.to_string_lossy(), name])?;
        let processes = namespace_of(holder.init())
            .ok_or_else(|| Error::new(format!("{name}: its init has ended")))?;
        let watch = AddressWatch::start(holder.net())?;
        Ok(Self {
            name: name.to_owned(),
            address: address.to_owned(),
            address6: format!("{}/64", ipv6_of(ipv4)),
            plug,
            holder,
            processes,
            watch,
            syslog,
            off: None,
            dir,
            started: AtomicU32::new(0),
            _work: work,
        })
    }

    pub(crate) fn configure_link(&self) -> Result<()> {
        self.configure(INTERFACE, &[&self.address, &self.address6])
    }

    /// Returns when the interface is up and has its link-local address.
    pub(crate) fn configure(&self, interface: &str, addresses: &[&str]) -> Result<()> {
        let mut commands = format!("link set {interface} addrgenmode eui64\n");
        for address in addresses {
            let how = if address.contains(':') { "nodad" } else { "brd +" };
            commands.push_str(&format!("addr add {address} dev {interface} {how}\n"));
        }
        commands.push_str(&format!("link set {interface} up\n"));
        self.namespace().enter(|| tool("ip", &["-batch", "-"], &commands))?;
        wait_until(Duration::from_secs(60), "the carrier of a new interface", || {
            let link = self.namespace().enter(|| tool("ip", &["link", "show", interface], ""));
            link.is_ok_and(|link| link.contains("state UP"))
                && self.link_local_of(interface).is_some()
        })?;
        Ok(())
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    /// As given to `boot`, with the prefix length.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Its unique local address with the prefix length: see [`crate::net::ipv6_of`].
    pub fn address6(&self) -> &str {
        &self.address6
    }

    /// The link-local address that the kernel gave to [`INTERFACE`].
    pub fn link_local(&self) -> Option<Ipv6Addr> {
        self.link_local_of(INTERFACE)
    }

    fn link_local_of(&self, interface: &str) -> Option<Ipv6Addr> {
        let there = self.watch.addresses_now().unwrap_or_default();
        there.iter().filter(|one| one.interface == interface).find_map(|one| match one.address {
            IpAddr::V6(address) if address.is_unicast_link_local() => Some(address),
            IpAddr::V6(_) | IpAddr::V4(_) => None,
        })
    }

    pub fn plug(&self) -> &Plug {
        &self.plug
    }

    pub fn syslog(&self) -> &Syslog {
        &self.syslog
    }

    pub fn watch(&self) -> &AddressWatch {
        &self.watch
    }

    pub fn namespace(&self) -> &NetNs {
        self.holder.net()
    }

    pub(crate) fn holder(&self) -> &Holder {
        &self.holder
    }

    /// When its power was cut.
    pub fn off_since(&self) -> Option<Stamp> {
        self.off
    }

    /// A path of the node as this process can open it, sockets included, while the node is on.
    pub fn file(&self, path: &str) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root{path}", self.holder.init()))
    }

    /// Writes a file below /etc, /run or /var/log, with its directories.
    ///
    /// # Errors
    /// When it would not be the node's own file, cannot be written, or the node is off.
    pub fn write(&self, path: &str, text: &str) -> Result<()> {
        self.must_be_on()?;
        if !["/etc/", "/run/", "/var/log/"].iter().any(|own| path.starts_with(own)) {
            return Err(Error::new(format!("{path} is not a private file of a node")));
        }
        let file = self.file(path);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder).during(folder.display())?;
        }
        fs::write(&file, text).during(file.display())
    }

    /// What a file of the node says.
    ///
    /// # Errors
    /// When it cannot be read, or the node is off.
    pub fn read(&self, path: &str) -> Result<String> {
        self.must_be_on()?;
        let file = self.file(path);
        fs::read_to_string(&file).during(file.display())
    }

    /// Starts a program that goes on running; what it writes goes to files.
    ///
    /// # Errors
    /// When it cannot be started. That the program does not exist shows only in its exit status.
    pub fn spawn<S: AsRef<OsStr>>(
        &self,
        program: impl AsRef<OsStr>,
        words: &[S],
    ) -> Result<Spawned> {
        self.must_be_on()?;
        let number = self.started.fetch_add(1, Ordering::Relaxed);
        let label = Path::new(program.as_ref()).file_name().unwrap_or(program.as_ref());
        let stem = format!("{}.{number}", label.to_string_lossy());
        let stdout = self.dir.join("out").join(format!("{stem}.out"));
        let stderr = self.dir.join("out").join(format!("{stem}.err"));
        let child = self
            .inside(program.as_ref(), words)
            .stdin(Stdio::null())
            .stdout(File::create(&stdout).during(stdout.display())?)
            .stderr(File::create(&stderr).during(stderr.display())?)
            .spawn()
            .during(&stem)?;
        Spawned::entered(child, &stem, stdout, stderr)
    }

    /// Runs a short program; see [`run::output`].
    ///
    /// # Errors
    /// When it does not end within `limit`, or the node is off.
    pub fn exec<S: AsRef<OsStr>>(&self, words: &[S], limit: Duration) -> Result<Output> {
        self.must_be_on()?;
        let [program, words @ ..] = words else { return Err(Error::new("exec: no program")) };
        run::output(self.inside(program.as_ref(), words), "", limit)
    }

    /// Runs shell text that must succeed; returns what it printed.
    ///
    /// # Errors
    /// When it fails: with what it wrote to standard error.
    pub fn shell(&self, text: &str) -> Result<String> {
        let result = self.exec(&["sh", "-c", text], run::TOOL_LIMIT)?;
        if result.ok() {
            return Ok(result.stdout);
        }
        let said = result.stderr.trim();
        Err(Error::new(format!("{}: {text}: {said} ({})", self.name, result.status)))
    }

    /// Everything that runs on it, zombies included, without its init.
    pub fn processes(&self) -> Vec<Process> {
        let mut all = processes_in(&self.processes);
        all.retain(|process| process.pid != self.holder.init());
        all
    }

    /// Living processes whose name is `name` (at most 15 bytes count, as in the kernel).
    pub fn find(&self, name: &str) -> Vec<Process> {
        let name = name.get(..15).unwrap_or(name);
        let mut all = self.processes();
        all.retain(|process| process.name == name && process.alive());
        all
    }

    /// # Errors
    /// When nft or ip fails.
    pub fn cut(&self, how: Cut) -> Result<()> {
        self.plug.cut(how)
    }

    /// Frames of each of these kinds are lost from now on, and no others. Ends with the next
    /// `disturb`, `cut` or `heal`.
    ///
    /// # Errors
    /// When nft or ip fails.
    pub fn disturb(&self, faults: &[Fault]) -> Result<()> {
        self.plug.disturb(faults)
    }

    /// # Errors
    /// When nft or ip fails.
    pub fn heal(&self) -> Result<()> {
        self.plug.heal()
    }

    /// The host is gone from one moment to the next. Its switch port is blocked first, so that not
    /// even the kernel's closing of connections gets out. Returns the moment before.
    ///
    /// # Errors
    /// When the cable cannot be cut; the processes are killed all the same.
    pub fn power_off(&mut self) -> Result<Stamp> {
        let at = Stamp::now();
        let blocked = self.plug.block();
        self.off = Some(at);
        self.holder.kill();
        self.watch.stop();
        blocked.and_then(|()| self.plug.cut(Cut::Carrier)).map(|()| at)
    }

    fn must_be_on(&self) -> Result<()> {
        match self.off {
            None => Ok(()),
            Some(_) => Err(Error::new(format!("{} is powered off", self.name))),
        }
    }

    fn inside<S: AsRef<OsStr>>(&self, program: &OsStr, words: &[S]) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg("-t")
            .arg(self.holder.init().to_string())
            .args(["-m", "-u", "-i", "-n", "-p", "--"])
            .arg(program)
            .args(words)
            .current_dir("/")
            .env_clear()
            .env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
            .env("LANG", "C.UTF-8");
        command
    }
}

/// A test that fails says what the daemons had to say.
#[expect(clippy::print_stderr, reason = "the harness shows it with the failure")]
impl Drop for Node {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of {}:\n{}", self.name, self.syslog.text());
        }
    }
}

fn make_files(dir: &Path) -> Result<()> {
    for folder in [dir.to_path_buf(), dir.join("out"), dir.join("dev"), dir.join("files")] {
        fs::create_dir(&folder).during(folder.display())?;
    }
    let (mut passwd, mut group) = (String::new(), String::new());
    for (name, id) in ACCOUNTS {
        passwd.push_str(&format!("{name}:x:{id}:{id}:vipd:/nonexistent:/usr/sbin/nologin\n"));
        group.push_str(&format!("{name}:x:{id}:\n"));
    }
    group.push_str(&format!("{}:x:{}:\n", CONTROL_GROUP.0, CONTROL_GROUP.1));
    fs::write(dir.join("passwd"), passwd).during("passwd")?;
    fs::write(dir.join("group"), group).during("group")
}
