# The network as capabilities. A grain has none of its own; a person may grant a way out (`IpNetwork`), or a way in
# (`IpInterface`), and only the owner of the computer is asked.

@0xf44732d435305f86;

using Util = import "util.capnp";

interface IpNetwork @0xa982576b7a2a2040 {
  # The right to connect to any host.

  getRemoteHost @0 (address :IpAddress) -> (host :IpRemoteHost);
  # The host with this address. Nothing is sent yet.

  getRemoteHostByName @1 (address :Text) -> (host :IpRemoteHost);
  # The host of this name, or with this address as text. The name is looked up when a port is used; a failure shows then.

  struct PowerboxTag @0xcf9e3f33950df819 {
    # Goes with the tag id of IpNetwork.

    encryption @0 :Encryption;
    # What Granary is to do to connections. Null is the same as `none`.

    struct Encryption @0xe2d94cf90fe4078d {
      union {
        none @0 :Void;
        # Nothing: bytes pass as they are.

        tls @1 :Void;
        # Wrap TCP connections in TLS and check the other side's certificate against its name. There is no UDP then.
      }
    }
  }
}

struct IpAddress @0xeeb98f9937d32c0b {
  # An IPv6 address, or an IPv4 address as ::ffff:a.b.c.d, as two numbers.

  lower64 @0 :UInt64;
  # The last 64 bits; for IPv4, 0xffff shifted left by 32, and the address.

  upper64 @1 :UInt64;
  # The first 64 bits; 0 for IPv4.
}

interface IpInterface @0xe32c506ee93ed6fa {
  # The right to listen on the computer's addresses.

  listenTcp @0 (portNum :UInt16, port :TcpPort) -> (handle :Util.Handle);
  # Listens, and calls `port.connect` for each connection, until the handle is dropped. Fails when the port is taken.

  listenUdp @1 (portNum :UInt16, port :UdpPort) -> (handle :Util.Handle);
  # The same for datagrams: `port.send` for each one.
}

interface IpRemoteHost @0x905dd76b298b3130 {
  # The right to connect to one host.

  getTcpPort @0 (portNum :UInt16) -> (port :TcpPort);
  # One of its TCP ports.

  getUdpPort @1 (portNum :UInt16) -> (port :UdpPort);
  # One of its UDP ports.
}

interface TcpPort @0xeab20e1af07806b4 {
  # The right to connect to one port.

  connect @0 (downstream :Util.ByteStream) -> (upstream :Util.ByteStream);
  # Connects. What the host sends is written to `downstream`; what is written to `upstream` is sent to it. `done` closes a
  # direction; dropping both ends the connection.
}

interface UdpPort @0xc6212e1217d001ce {
  # The right to send datagrams to one port.

  send @0 (message :Data, returnPort :UdpPort) -> ();
  # Sends one. Answers to it go to `returnPort`, as long as the receiver holds that. As ever with UDP, a datagram may
  # be lost without anybody being told.
}

struct IpPortPowerboxMetadata @0x856e71a6a4f22bba {
  # Meant to go with the tag id of TcpPort or UdpPort: which port an app would like to have.

  preferredPortNum @0 :UInt16;
  # The number.

  preferredHost @1 :Text;
  # The host.
}
