-- Hands every Jingle request of this host's users to jingle-sip-gateway, whatever its address: calls between users go
-- through the SIP proxy, too, as with MongooseIM's mod_jingle_sip. See README.md beside this file.
--
-- Apache License 2.0, as the gateway.

local jid_host = require "util.jid".host;
local st = require "util.stanza";

local xmlns_jingle = "urn:xmpp:jingle:1";

local component_host = module:get_option_string("jingle_sip_component");
local id_prefix = module:get_option_string("jingle_sip_id_prefix", "jsg-");

if not component_host then
	error("jingle_sip_component has to name the gateway's component, for example \"sip.example.org\"", 0);
elseif id_prefix == "" then
	error("jingle_sip_id_prefix must not be empty: every answer of a user would go to the gateway", 0);
end

-- Requests (RFC 6120 §8.2.3): every set with a <jingle/>, and the get with which a device asks for the calls that it
-- has missed (mod_jingle_sip, existing-session-initiate).
local function is_request(stanza)
	local jingle = stanza:get_child("jingle", xmlns_jingle);
	if not jingle then return false; end
	return stanza.attr.type == "set"
		or stanza.attr.type == "get" and jingle.attr.action == "existing-session-initiate";
end

-- Answers to what the gateway has sent in the name of a user. Those would go to that user's account; nothing but
-- their id says whose they are.
local function is_answer(stanza)
	return (stanza.attr.type == "result" or stanza.attr.type == "error")
		and stanza.attr.id ~= nil and stanza.attr.id:sub(1, #id_prefix) == id_prefix;
end

-- Gives the stanza to the component as if it were addressed to it, addresses unchanged. It is bounced there if the
-- gateway is not connected.
local function hand_over(origin, stanza)
	local component = prosody.hosts[component_host];
	if not component or component.type ~= "component" then
		module:log("error", "There is no component %s to hand Jingle to", component_host);
		if stanza.attr.type == "set" or stanza.attr.type == "get" then
			origin.send(st.error_reply(stanza, "cancel", "service-unavailable"));
		end
		return true;
	end
	-- Prosody takes the address of one's own account away (RFC 6120 §10.3.3); the gateway needs one.
	if not stanza.attr.to then
		stanza.attr.to = origin.username.."@"..origin.host;
	end
	component.events.fire_event("iq/host", { origin = origin, stanza = stanza });
	return true;
end

-- "pre-" events are those of stanzas that our own users send, never of what comes from the component.
local function from_user(event)
	local origin, stanza = event.origin, event.stanza;
	-- What is addressed to the component gets there by itself.
	if jid_host(stanza.attr.to) == component_host then return; end
	if is_request(stanza) or is_answer(stanza) then
		return hand_over(origin, stanza);
	end
end

for _, kind in ipairs { "full", "bare", "host" } do
	-- Before other modules see it, as nothing else is to be done with it.
	module:hook("pre-iq/"..kind, from_user, 1000);
end

-- Answers from elsewhere: of users of other hosts, or of the server itself.
local function to_user(event)
	local origin, stanza = event.origin, event.stanza;
	if origin.type == "component" and origin.host == component_host then return; end
	if is_answer(stanza) then
		return hand_over(origin, stanza);
	end
end

for _, kind in ipairs { "full", "bare" } do
	module:hook("iq/"..kind, to_user, 1000);
end
