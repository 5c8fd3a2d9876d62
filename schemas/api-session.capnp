# HTTP for programs instead of browsers: a calendar client, a Git client, another app.
#
# The person makes a token in the grain's window and puts it into their program, which then sends it with each request to a
# host name of its own. What the program may do is what the token was given. Between apps, the same interface is what
# the powerbox hands out for "an HTTP API".

@0xeb014c0c3413cbfb;

using Ip = import "ip.capnp";
using Web = import "web-session.capnp";

interface ApiSession @0xc879e379c625cdc7 extends(Web.WebSession) {
  # Requests of a program. The methods are those of a web session, but there are no cookies in either direction, and the
  # responses may be read by pages of any origin: the token is what counts.
  #
  # An app that does not know this session type is opened as a web session instead, with a `basePath` that leads nowhere.

  struct Params @0xfee82d8d4c4ff597 {
    # What `UiView.newSession` is given as `sessionParams`.

    remoteAddress @0 :Ip.IpAddress;
    # Where the program calls from. Null unless the program asked to pass it on (X-Sandstorm-Passthrough: address): an
    # address can tell who somebody is.
  }

  struct PowerboxTag @0x93e1f7ca567dee32 {
    # Goes with the tag id of ApiSession: which API is wanted, or offered.

    canonicalUrl @0 :Text;
    # The URL by which the API is known, as its documentation has it: "https://api.github.com/repos". Requests go to paths
    # below it. In a request, null or empty for any.

    oauthScopes @1 :List(OAuthScope);
    # What is to be done with it, where the API is behind OAuth: in a request, all that the app needs.

    struct OAuthScope @0xbb95f31093b1fd88 {
      name @0 :Text;
      # A scope, as the API calls it.
    }

    authentication @2 :Text;
    # How the API authenticates, where OAuth is not the way: "basic" for a name and a password.
  }
}
