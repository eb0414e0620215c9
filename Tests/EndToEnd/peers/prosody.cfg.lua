-- Prosody with what Debian's configuration has and a test needs, without TLS and without other servers.
-- The words between @ are replaced before it starts.

run_as_root = true
data_path = "@FOLDER@/data"
pidfile = "@FOLDER@/prosody.pid"
log = { info = "*console" }

interfaces = { "127.0.0.1" }
c2s_ports = { @CLIENT_PORT@ }
component_interface = "127.0.0.1"
component_ports = { @COMPONENT_PORT@ }
s2s_ports = {}

plugin_paths = { "@PLUGINS@" }
modules_enabled = {
	"roster"; "saslauth"; "disco"; "ping"; "carbons"; "pep"; "smacks"; "vcard4"; "vcard_legacy"; "blocklist";
}
modules_disabled = { "s2s"; "tls" }
authentication = "internal_plain"
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
@MORE@

VirtualHost "@DOMAIN@"
	@HOST_MORE@
VirtualHost "@ELSEWHERE@"

Component "@COMPONENT@"
	component_secret = "@SECRET@"
	@COMPONENT_MORE@
