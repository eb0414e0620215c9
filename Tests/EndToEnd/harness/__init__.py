"""What the end-to-end tests stand on: the gateway as a process, SIPp as a phone, slixmpp as a client."""
