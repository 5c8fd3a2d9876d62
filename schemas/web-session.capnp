# HTTP as method calls: how a browser's requests reach an app, and how its answers get back.
#
# Granary speaks HTTP with the browser and calls these methods on the app. It does the same for every app: what is not in
# here does not pass, in either direction. No request carries Range, Referer, Origin, Authorization or the client's
# address; no response sets a security header, a CORS header, or a cookie for another host. Where an app listens for
# plain HTTP, the HTTP bridge in its package translates back.
#
#   GET, HEAD          get            PROPFIND  propfind      LOCK     lock
#   POST               post, postStreaming      PROPPATCH     proppatch       UNLOCK   unlock
#   PUT                put, putStreaming        MKCOL         mkcol           ACL      acl
#   PATCH              patch          COPY      copy          REPORT   report
#   DELETE             delete         MOVE      move          OPTIONS  options
#   GET with Upgrade   openWebSocket                          others   refused with 501
#
# `path` is always the request's target without its first slash, query included, and percent-encoded as it came: "" for
# "/", "a%20b?c=d" for "/a%20b?c=d".
#
# How bodies flow. A request body under 64 KiB of known length is passed along with the call; a longer one goes through a
# `RequestStream`, or, where the app does not implement that, is collected first. The body of a response is passed along
# with it, or written to `Context.responseStream` while Granary already sends it to the browser.
#
# An exception from any method is shown as an error page with status 500; `disconnected` makes Granary start the grain
# anew, and repeat the request where that is safe.

@0xa8cb0f2f1a756b32;

using Grain = import "grain.capnp";
using Util = import "util.capnp";

struct HttpStatusDescriptor @0xbc353583a3731ade {
  # What an enumerant means in HTTP.

  id @0 :UInt16;
  # The status code.

  title @1 :Text;
  # The reason phrase.
}

annotation httpStatus @0xaf480a0c6cab8887 (enumerant) :HttpStatusDescriptor;
# Says what status code an enumerant stands for.

const httpStatusAnnotationId @0x9ea7265092c11606 :UInt64 = 12630356203439622279;
# The id of `httpStatus`, for programs that read it from a schema.

interface WebSession @0xa50711a14d35a8ce extends(Grain.UiSession) {
  # A person's tab that shows web pages.
  #
  # The app is reached under a host name of its own that is made for the session, so its pages share an origin with
  # nothing else. The person's permissions were given at the session's beginning; they hold until its end.

  struct Params @0xd7051b9757f6b096 {
    # What `UiView.newSession` is given as `sessionParams`. It is taken from the first request.

    basePath @0 :Text;
    # What the session's URLs begin with, up to and without the slash before `path`:
    # "https://ui-4f….granary.localhost:6443".

    userAgent @1 :Text;
    # The browser's User-Agent; "UnknownAgent/0.0" when it sent none.

    acceptableLanguages @2 :List(Text);
    # The parts of Accept-Language in the browser's order, each as it came, hence perhaps with ";q=0.5" at its end. en-US and
    # en when the browser sent none.
  }

  get @0 (path :Text, context :Context, ignoreBody :Bool) -> Response;
  # GET, and with `ignoreBody` HEAD: then nobody reads the body, and an app may leave it away.

  post @1 (path :Text, content :PostContent, context :Context) -> Response;
  # POST with the whole body.

  put @3 (path :Text, content :PutContent, context :Context) -> Response;
  # PUT with the whole body.

  delete @4 (path :Text, context :Context) -> Response;
  # DELETE. A body is not passed on.

  patch @17 (path :Text, content :PostContent, context :Context) -> Response;
  # PATCH with the whole body.

  postStreaming @5 (path :Text, mimeType :Text, context :Context, encoding :Text) -> (stream :RequestStream);
  # POST with a long body: the app answers with a place to write it to, at once. `mimeType` and `encoding` are those of
  # `PostContent`. An app that fails with `unimplemented` gets `post` instead.

  putStreaming @6 (path :Text, mimeType :Text, context :Context, encoding :Text) -> (stream :RequestStream);
  # The same for PUT.

  openWebSocket @2 (path :Text, context :Context, protocol :List(Text), clientStream :WebSocketStream) -> (protocol :List(Text), serverStream :WebSocketStream);
  # A WebSocket. `protocol` are the subprotocols that the page offers, and in the answer the one that the app chose, if
  # any. The handshake is Granary's business; when it is done, each side writes to the other's stream. An exception
  # refuses the WebSocket. `context.responseStream` is of no use here.

  options @16 (path :Text, context :Context) -> Options;
  # OPTIONS, as far as WebDAV is concerned. Granary answers for CORS itself.

  # The methods of WebDAV (RFC 4918), access control (RFC 3744) and versioning (RFC 3253). `xmlContent` is the body, which
  # is XML; depths and other headers became parameters. They answer with a multi-status (207) as `content`, in XML.

  propfind @7 (path :Text, xmlContent :Text, depth :PropfindDepth, context :Context) -> Response;
  # PROPFIND.

  proppatch @8 (path :Text, xmlContent :Text, context :Context) -> Response;
  # PROPPATCH.

  mkcol @9 (path :Text, content :PostContent, context :Context) -> Response;
  # MKCOL, with a body for extended MKCOL (RFC 5689).

  copy @10 (path :Text, destination :Text, noOverwrite :Bool, shallow :Bool, context :Context) -> Response;
  # COPY to `destination`, which is written like `path`: a destination on another host never gets here. `noOverwrite` is
  # "Overwrite: F", `shallow` is "Depth: 0".

  move @11 (path :Text, destination :Text, noOverwrite :Bool, context :Context) -> Response;
  # MOVE, likewise.

  lock @12 (path :Text, xmlContent :Text, shallow :Bool, context :Context) -> Response;
  # LOCK; `shallow` is "Depth: 0".

  unlock @13 (path :Text, lockToken :Text, context :Context) -> Response;
  # UNLOCK; `lockToken` is the header's value with its angle brackets.

  acl @14 (path :Text, xmlContent :Text, context :Context) -> Response;
  # ACL.

  report @15 (path :Text, content :PostContent, context :Context) -> Response;
  # REPORT.

  enum PropfindDepth @0xb39cc44599b3a41b {
    # How far down a PROPFIND goes.

    infinity @0;
    # All the way; also when the header is missing.

    zero @1;
    # The thing itself.

    one @2;
    # And what is directly in it.
  }

  struct Context @0xf5cae52becabc767 {
    # What comes with every request besides method, path and body.

    cookies @0 :List(Util.KeyValue);
    # The cookies that the app has set on its own host, in the browser's order. Granary's own are left out.

    responseStream @1 :Util.ByteStream;
    # Where the app may write the body, when it answers with `Response.content.body.stream`.

    accept @2 :List(AcceptedType);
    # The parts of the Accept header.

    acceptEncoding @9 :List(AcceptedEncoding);
    # The parts of the Accept-Encoding header.

    eTagPrecondition :union {
      # On what condition the request is to be carried out. If it does not hold, the answer is
      # `Response.preconditionFailed`.

      none @4 :Void;
      # On none.

      exists @5 :Void;
      # That there is something at `path` (If-Match: *).

      doesntExist @8 :Void;
      # That there is nothing (If-None-Match: *).

      matchesOneOf @6 :List(ETag);
      # That what is there has one of these tags (If-Match): a change made from a known state.

      matchesNoneOf @7 :List(ETag);
      # That it has none of these (If-None-Match): a page asked for anew.
    }

    additionalHeaders @3 :List(Header);
    # Further headers that may pass, by `headerWhitelist`.

    struct Header @0xb4e5f4cccb748429 {
      # One header of a request.

      name @0 :Text;
      # Its name. Compare without regard to case.

      value @1 :Text;
      # Its value.
    }

    const headerWhitelist @0xbaace870544663eb :List(Text) = ["x-sandstorm-app-*", "oc-total-length", "oc-chunk-size", "x-oc-mtime", "oc-fileid", "oc-chunked", "oc-checksum", "oc-chunk-offset", "oc-lazyops", "x-hgarg-*", "x-phabricator-*", "x-requested-with", "x-csrftoken", "x-csrf-token"];
    # Which headers of a request may pass, in lower case; a star stands for any ending. An app that wants a header of its
    # own names it "x-sandstorm-app-something".
  }

  struct PostContent @0xb7d82eac416ab63e {
    # A request's body.

    mimeType @0 :Text;
    # Its Content-Type.

    content @1 :Data;
    # Its bytes.

    encoding @2 :Text;
    # Its Content-Encoding; empty for none.
  }

  struct PutContent @0xd7aff1fe39659132 {
    # The same for PUT.

    mimeType @0 :Text;
    # Its Content-Type.

    content @1 :Data;
    # Its bytes.

    encoding @2 :Text;
    # Its Content-Encoding; empty for none.
  }

  struct ETag @0xd22c0be5b9c16558 {
    # A tag that tells one state of a resource from another.

    value @0 :Text;
    # What stands between the quotation marks.

    weak @1 :Bool;
    # It began with W/: states with this tag mean the same, but may differ in their bytes.
  }

  struct Cookie @0xa87d65bed9b60243 {
    # A cookie that a response sets. It is always for the session's own host, and always Secure.

    name @0 :Text;
    # Its name. A cookie whose name, value or path has characters that would end it early is left out.

    value @1 :Text;
    # Its value.

    expires :union {
      # How long the browser keeps it.

      none @2 :Void;
      # Until it is closed.

      absolute @3 :Int64;
      # Until this time, in seconds since 1970-01-01 00:00 UTC.

      relative @4 :UInt64;
      # For this many seconds. 0 deletes it.
    }

    httpOnly @5 :Bool;
    # Scripts of the page cannot see it.

    path @6 :Text;
    # Below which path it is sent; empty for the browser's own choice.
  }

  struct AcceptedType @0xaaf9021b627cc1f9 {
    # A type of content that the browser would take.

    mimeType @0 :Text;
    # The type, perhaps with stars.

    qValue @1 :Float32 = 1;
    # How gladly: from 0, not at all, to 1.
  }

  struct AcceptedEncoding @0xbda585bffe1dc7e8 {
    # A content encoding that the browser would take.

    contentCoding @0 :Text;
    # The encoding, or a star.

    qValue @1 :Float32 = 1;
    # How gladly: from 0, not at all, to 1.
  }

  struct Response @0x8193ac6cb5429c83 {
    # What every request is answered with. Which member of the union is set decides on the status.

    setCookies @0 :List(Cookie);
    # Cookies to set, one Set-Cookie header each.

    cachePolicy @16 :CachePolicy;
    # Who may keep the response. Granary does not act on it so far: it never was honoured, and apps do not expect it.

    additionalHeaders @20 :List(Header);
    # Further headers that may pass, by `headerWhitelist`.

    union {
      content :group {
        # Here it is.

        statusCode @10 :SuccessCode;
        # The status.

        encoding @2 :Text;
        # Content-Encoding; empty for none.

        language @3 :Text;
        # Content-Language; empty for none.

        mimeType @4 :Text;
        # Content-Type.

        eTag @17 :ETag;
        # The tag of this state; null for none.

        body :union {
          bytes @5 :Data;
          # The body, whole. The response has a Content-Length.

          stream @6 :Util.Handle;
          # The app writes the body to `Context.responseStream`, from now on or already before, and calls `done` at its end.
          # Granary holds this handle while it wants more; when it drops the handle, the browser has gone and the app should
          # stop.
        }

        disposition :union {
          # What the browser is to do with it.

          normal @13 :Void;
          # Show it.

          download @14 :Text;
          # Save it under this name (Content-Disposition: attachment).
        }
      }

      noContent :group {
        # It was done, and there is nothing to show: 204.

        shouldResetForm @15 :Bool;
        # The page should empty its form: 205 instead.

        eTag @19 :ETag;
        # The tag of the new state; null for none.
      }

      preconditionFailed :group {
        # The request's `eTagPrecondition` did not hold: 304 where the browser asked whether its copy is still good
        # (If-None-Match), otherwise 412.

        matchingETag @18 :ETag;
        # The tag that was found and is among the excluded ones; null for none.
      }

      redirect :group {
        # It is elsewhere.
        #
        #                         stays the same method     becomes GET
        #   for now               307                       303
        #   for ever              308                       301

        isPermanent @1 :Bool;
        # For ever.

        switchToGet @12 :Bool;
        # Ask there by GET, without the body.

        location @11 :Text;
        # Where: an absolute URL, or one relative to the request's.
      }

      clientError :group {
        # The request was wrong.

        statusCode @7 :ClientErrorCode;
        # In which way.

        descriptionHtml @8 :Text;
        # A page that says so, when `nonHtmlBody` is null. Both may be missing.

        nonHtmlBody @21 :ErrorBody;
        # The same in another form, for programs.
      }

      serverError :group {
        # The app failed: 500.

        descriptionHtml @9 :Text;
        # As above.

        nonHtmlBody @22 :ErrorBody;
        # As above.
      }
    }

    enum SuccessCode @0x82130007ccd2888f {
      # How a request succeeded.

      ok @0 $httpStatus(id = 200, title = "OK");
      # As expected.

      created @1 $httpStatus(id = 201, title = "Created");
      # And something new came of it.

      accepted @2 $httpStatus(id = 202, title = "Accepted");
      # It is being worked on.

      noContent @3 $httpStatus(id = 204, title = "No Content");
      # With nothing to show; `Response.noContent` says the same.

      partialContent @4 $httpStatus(id = 206, title = "Partial Content");
      # A part of it. As neither Range nor Content-Range passes, it makes sense only between an app and its own pages.

      multiStatus @5 $httpStatus(id = 207, title = "Multi-Status");
      # For several things at once, as the body says (WebDAV).

      notModified @6 $httpStatus(id = 304, title = "Not Modified");
      # The browser's copy is good; `Response.preconditionFailed` says the same.
    }

    enum ClientErrorCode @0x8ea31bdb4c044f01 {
      # What was wrong with a request. The last two came later, hence the order.

      badRequest @0 $httpStatus(id = 400, title = "Bad Request");
      # Something that none of the others says.

      forbidden @1 $httpStatus(id = 403, title = "Forbidden");
      # This person may not do that.

      notFound @2 $httpStatus(id = 404, title = "Not Found");
      # There is nothing at that path.

      methodNotAllowed @3 $httpStatus(id = 405, title = "Method Not Allowed");
      # Not that method there.

      notAcceptable @4 $httpStatus(id = 406, title = "Not Acceptable");
      # In none of the types that the browser would take.

      conflict @5 $httpStatus(id = 409, title = "Conflict");
      # Not in the present state.

      gone @6 $httpStatus(id = 410, title = "Gone");
      # There was something once.

      requestEntityTooLarge @7 $httpStatus(id = 413, title = "Request Entity Too Large");
      # The body is too long.

      requestUriTooLong @8 $httpStatus(id = 414, title = "Request-URI Too Long");
      # The path is too long.

      unsupportedMediaType @9 $httpStatus(id = 415, title = "Unsupported Media Type");
      # The body has a type that the app cannot read.

      imATeapot @10 $httpStatus(id = 418, title = "I'm a teapot");
      # RFC 2324.

      preconditionFailed @11 $httpStatus(id = 412, title = "Precondition Failed");
      # For conditions other than `eTagPrecondition`.

      unprocessableEntity @12 $httpStatus(id = 422, title = "Unprocessable Entity");
      # The body can be read but makes no sense.
    }

    struct Header @0xb4b873147ab5ce5e {
      # One header of a response.

      name @0 :Text;
      # Its name.

      value @1 :Text;
      # Its value.
    }

    struct ErrorBody @0x9497e63b399a2c01 {
      # An error's body that is not a page.

      data @0 :Data;
      # Its bytes.

      encoding @1 :Text;
      # Content-Encoding; empty for none.

      language @2 :Text;
      # Content-Language; empty for none.

      mimeType @3 :Text;
      # Content-Type.
    }

    const headerWhitelist @0xef174541b62cac82 :List(Text) = ["x-sandstorm-app-*", "x-oc-mtime"];
    # Which headers of a response may pass, in lower case; a star stands for any ending.
  }

  interface RequestStream @0x99ffc2f3f69a6a9f extends(Util.ByteStream) {
    # Where the body of a long request is written to.

    getResponse @0 () -> Response;
    # The answer to the request. Granary calls it once, together with the first `write`, so that an app may answer before
    # the whole body is there; the call waits until the app has its answer.
  }

  interface WebSocketStream @0xf001fc1d5e574a07 {
    # One direction of a WebSocket: the bytes on the wire after the handshake, frames and all, as RFC 6455 has them.

    sendBytes @0 (message :Data) -> stream;
    # The next bytes. Where one call ends says nothing about where frames end. Frames from the browser are masked, those
    # from the app are not. Several calls may be on their way and keep their order. Dropping the stream is the end of the
    # connection in this direction.
  }

  struct CachePolicy @0xb37b21e300864885 {
    # Who may keep a response for which other requests.

    withCheck @0 :Scope;
    # For those within this scope, after asking the app whether it is still good.

    permanent @1 :Scope;
    # For those within this scope, for ever and without asking. It is narrower than `withCheck` or the same.

    variesOnCookie @2 :Bool;
    # Not for requests with other cookies.

    variesOnAccept @3 :Bool;
    # Not for requests with another `accept`.

    enum Scope @0x81535505f60de028 {
      none @0;
      # For no other request.

      perSession @1;
      # For requests of the same session.

      perUser @2;
      # For requests of the same person to this grain.

      perAppVersion @3;
      # For requests of anybody to any grain of this version of the app.

      universal @4;
      # For requests of anybody to any grain of this app.
    }
  }

  struct Options @0xe9ff06beec4e73d6 {
    # What kinds of WebDAV are spoken at a path; the DAV header.

    davClass1 @0 :Bool;
    # "1"

    davClass2 @1 :Bool;
    # "2": locks.

    davClass3 @2 :Bool;
    # "3": revised.

    davExtensions @3 :List(Text);
    # Further tokens: "access-control", "calendar-access".
  }
}
