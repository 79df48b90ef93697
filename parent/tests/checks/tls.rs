//! HTTPS: nginx with certificates of an authority of our own, good and bad, and servers that do not
//! speak TLS at all.

use crate::rig::Stage;

/// An authority, a good certificate, one whose time is over, and one by nobody we know.
const CERTIFICATES: &str = "
set -e
mkdir -p /etc/lab && cd /etc/lab
key='-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes'
for ca in ca other; do
    openssl req -x509 $key -keyout $ca.key -out $ca.pem -days 10 -subj /CN=lab-$ca
done
printf 'subjectAltName=DNS:web.lab,IP:127.0.0.1\\nbasicConstraints=CA:FALSE\\n' > ext
cat > ca.cnf <<EOF
[ca]
default_ca = d
[d]
database = index.txt
new_certs_dir = .
serial = serial
default_md = sha256
policy = p
unique_subject = no
[p]
commonName = supplied
EOF
make() { # name, authority, first day, last day
    openssl req $key -keyout $1.key -out $1.csr -subj /CN=web.lab
    openssl ca -batch -notext -config ca.cnf -cert $2.pem -keyfile $2.key -in $1.csr -out $1.pem \
        -startdate $3 -enddate $4 -extfile ext
}
touch index.txt && echo 01 > serial
today=$(date -u +%Y%m%d000000Z) later=$(date -u -d '10 days' +%Y%m%d000000Z)
make good ca $today $later
make over ca 20200101000000Z 20200201000000Z
make stranger other $today $later
chmod 755 /etc/lab && chmod 644 *.pem
";

fn nginx() -> String {
    let server = |port: u16, name: &str| {
        format!(
            "    server {{\n        listen {port} ssl;\n        ssl_certificate /etc/lab/{name}.pem;\n        \
             ssl_certificate_key /etc/lab/{name}.key;\n        location / {{ return 200 \"$host\\n\"; }}\n    }}\n"
        )
    };
    format!(
        "worker_processes 1;\npid /run/nginx.pid;\nevents {{}}\nhttp {{\n    access_log off;\n{}{}{}{}{}}}\n",
        server(443, "good"),
        server(8444, "over"),
        server(8445, "stranger"),
        server(8446, "ca"),
        "    server {\n        listen 8080;\n        location / { return 200 plain; }\n    }\n",
    )
}

#[test]
fn certificates_are_looked_at() {
    let mut stage = Stage::new();
    stage.node.shell(CERTIFICATES).unwrap();
    stage.node.write("/etc/nginx/lab.conf", &nginx()).unwrap();
    let words = ["-c", "/etc/nginx/lab.conf", "-g", "daemon off;"];
    let mut nginx = stage.node.spawn("nginx", &words).unwrap();
    let ours = "virtualhost web.lab; ca_file /etc/lab/ca.pem";
    let url = |port: u16, more: &str| format!("url https://127.0.0.1:{port}/; {more}");
    stage.start(&[
        ("good", &url(443, &format!("{ours}; body web.lab"))),
        ("address", &url(443, "ca_file /etc/lab/ca.pem")),
        ("name", &url(443, &format!("{ours}; sni_name other.lab"))),
        ("over", &url(8444, ours)),
        ("stranger", &url(8445, ours)),
        ("system", &url(443, "virtualhost web.lab")),
        ("authority", &url(8446, ours)),
        ("unseen", &url(8444, "verify off; body 127.0.0.1")),
        ("plain", &url(8080, ours)),
        ("nofile", &url(443, "virtualhost web.lab; ca_file /etc/lab/no.pem")),
        ("closed", &url(8447, ours)),
    ]);
    let master = stage.wait_master();
    stage.wait("good", "up", "status 200, and the body is as wanted");
    stage.wait("address", "up", "status 200");
    stage.wait("name", "down", "the certificate is for another name");
    stage.wait("over", "down", "the certificate has expired");
    stage.wait("stranger", "down", "the certificate is signed by nobody that is trusted");
    stage.wait("system", "down", "");
    stage.wait("authority", "down", "the certificate is that of an authority");
    stage.wait("unseen", "up", "the body is as wanted");
    stage.wait("plain", "down", "the server does not speak TLS");
    stage.wait("nofile", "down", "ca_file /etc/lab/no.pem: No such file or directory");
    stage.wait("closed", "down", "no connection: Connection refused");

    // The reload reads the file that was missing.
    stage.node.shell("cp /etc/lab/ca.pem /etc/lab/no.pem && chmod 644 /etc/lab/no.pem").unwrap();
    stage.reload(&[
        ("nofile", &url(443, "virtualhost web.lab; ca_file /etc/lab/no.pem")),
        ("good", &url(443, ours)),
    ]);
    stage.wait("nofile", "up", "status 200");
    stage.wait("good", "up", "status 200");

    // Hanging in the handshake.
    let all = stage.node.find("nginx");
    all.iter().for_each(|process| process.signal(nix::sys::signal::Signal::SIGSTOP).unwrap());
    stage.wait("good", "down", "no TLS handshake within 0.5 s");
    all.iter().for_each(|process| process.signal(nix::sys::signal::Signal::SIGCONT).unwrap());
    stage.wait("good", "up", "status 200");
    stage.regular(master, 4);
    println!("the checker has had {} KiB at most", stage.checker_memory());
    nginx.signal(nix::sys::signal::Signal::SIGTERM).unwrap();
}
