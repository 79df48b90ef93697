//! The keywords of keepalived's balancer half, which vipd does not have. What balances by itself is
//! an error, or with `-P` a warning; blocks are skipped whole, so what stands in them is listed only
//! to be told where it belongs.

use super::Context::{Checker, Globals, RealServer, Ssl, TopLevel, Url, VirtualServer};
use super::Row;
use super::Served::Balancer;
use super::Shape::{Block, Line};

const WITH_ITS_BLOCK: &str = "skipped with its block";

#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    (Balancer, TopLevel, Block, "virtual_server virtual_server_group", "no connection is balanced"),
    (Balancer, TopLevel, Block, "SSL", "no server is checked over TLS"),
    (Balancer, Globals, Line, "lvs_timeouts lvs_flush lvs_flush_on_stop lvs_flush_onstop
        lvs_sync_daemon", "the kernel's balancer (IPVS) is left as it is"),
    (Balancer, Globals, Line, "lvs_notify_fifo lvs_notify_fifo_script",
        "no state of a server is written to a FIFO"),
    (Balancer, Globals, Line, "nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark",
        "no packet is marked for the balancer"),
    (Balancer, VirtualServer, Line, "lvs_sched lb_algo lvs_method lb_kind protocol ip_family
        persistence_timeout persistence_engine persistence_granularity ops hashed flag-1 flag-2
        flag-3 sh-port sh-fallback mh-port mh-fallback delay_loop connect_timeout retry
        delay_before_retry warmup quorum hysteresis quorum_up quorum_down alpha omega ha_suspend
        inhibit_on_failure sorry_server sorry_server_inhibit sorry_server_lvs_method virtualhost
        smtp_alert snmp_name weight nat_mask", WITH_ITS_BLOCK),
    (Balancer, VirtualServer, Block, "real_server", WITH_ITS_BLOCK),
    (Balancer, RealServer, Line, "weight lvs_method uthreshold lthreshold inhibit_on_failure
        notify_up notify_down alpha retry delay_before_retry warmup connect_timeout delay_loop
        smtp_alert virtualhost snmp_name", WITH_ITS_BLOCK),
    (Balancer, RealServer, Block, "TCP_CHECK HTTP_GET SSL_GET SMTP_CHECK DNS_CHECK MISC_CHECK
        BFD_CHECK PING_CHECK UDP_CHECK FILE_CHECK", WITH_ITS_BLOCK),
    (Balancer, Checker, Line, "connect_ip connect_port bindto bind_if bind_port fwmark
        connect_timeout retry delay_before_retry warmup delay_loop alpha log_all_failures
        nb_get_retry http_protocol virtualhost enable_sni sni_name fast_recovery tls_compliant
        helo_name type name misc_path misc_timeout misc_dynamic user payload require_reply
        min_reply_length max_reply_length track_file weight", WITH_ITS_BLOCK),
    (Balancer, Checker, Block, "url host", WITH_ITS_BLOCK),
    (Balancer, Url, Line, "path digest status_code virtualhost regex regex_no_match regex_options
        regex_min_offset regex_max_offset regex_stack tls_compliant", WITH_ITS_BLOCK),
    (Balancer, Ssl, Line, "password ca certificate key", WITH_ITS_BLOCK),
];
