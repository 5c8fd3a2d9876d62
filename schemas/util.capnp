# Small things that every other file of this folder uses: texts for people, handles, byte streams, blobs, values
# that change, pictures.
#
# How to read these files
# -----------------------
# They describe what Granary and an app say to each other over the app's one socket (file descriptor 3), in Cap'n Proto.
# Packages built years ago speak it, and their bytes do not change: every id, ordinal and type below is fixed for ever.
# What may be done: add a field, a method or an enumerant at the end. runtime/wire/tests compares all files with a table.
#
# Words used throughout:
#   app      a program from a package; it knows nothing of other apps and of the network
#   grain    one document: an app, running by itself, with a folder of its own at /var
#   Granary  the platform: everything outside the grain
#   person   who sits at the screen, or a friend who was given access; several may use one grain
#
# Unless a member says otherwise:
#   * a text may be empty, and an absent one is the empty text; texts are UTF-8
#   * a list may be empty, and an absent one is the empty list
#   * a permission set is a List(Bool) whose index is the position in `UiView.ViewInfo.permissions`; what is missing at
#     the end is false
#   * a method that is not implemented fails with an exception of the type `unimplemented`; both sides must live with
#     that, as packages were built against many versions of these files
#   * dropping a capability is the way to say that it is no longer needed; there are no `close` methods for that

@0xecd50d792c3d9992;

struct KeyValue @0x94a081e4abb13424 {
  # A pair of texts: a cookie of a request, a variable of an app's environment.

  key @0 :Text;
  # The name. What characters it may have depends on where the pair is used.

  value @1 :Text;
  # The value.
}

struct LocalizedText @0x8b5db772377be249 {
  # A text for people, in one or more languages.

  defaultText @0 :Text;
  # What is shown to those for whose language there is nothing better. Granary shows this one only, so far.

  localizations @1 :List(Localization);
  # The same in other languages. The order means nothing.

  struct Localization @0xa4f5ae06dd1b7791 {
    locale @0 :Text;
    # A language, by its IETF tag: "de", "pt-BR".

    text @1 :Text;
    # The text in that language.
  }
}

interface Handle @0x98f424ac606042e0 {
  # Stands for something that goes on as long as somebody holds the handle, such as a subscription or a listening port.
  # Dropping the last reference ends it. Losing the connection does the same.

  ping @0 () -> ();
  # Does nothing, and answers. Who holds a handle calls it to learn whether the other side is still there; Granary's
  # gateway does so once a minute while a response body is streamed. Any failure except `disconnected` (an older app
  # does not implement it) counts as a sign of life.
}

interface ByteStream @0xcd57387729cfe35f {
  # A place to write bytes to, in order. The body of a response goes from the app to Granary through one, and that of a
  # long upload the other way.
  #
  # The life of a stream: `expectSize` at most once and first; `write` any number of times; `done` last. A stream that is
  # dropped before `done` was cut off: the receiver must not take what it got for the whole.

  write @0 (data :Data) -> stream;
  # The next bytes. Any length will do, but pieces of 8 to 128 KiB cost the least.
  #
  # The answer of a call that is `-> stream` means only that there is room again. A sender keeps several calls on their
  # way, up to a window of bytes, and waits for answers beyond it; so a slow reader slows the writer down, and nothing
  # is stored up between them. Calls arrive in the order in which they were made. After one failed, the later ones and
  # `done` fail likewise.

  done @1 () -> ();
  # Nothing follows, and all is there. The answer comes when the receiver has taken everything. A `write` after it fails.

  expectSize @2 (size :UInt64) -> ();
  # A hint before the first byte: this many bytes will follow. As the receiver of a response, Granary then sends it with
  # a Content-Length instead of in chunks. Writing more or fewer bytes than announced is an error of the writer: the
  # response ends as one that was cut off.
}

interface Blob @0xe53527a75d90198f {
  # An immutable piece of data of any length that stays where it is and is read in parts. Granary offers none so far.

  getSize @0 () -> (size :UInt64);
  # The length in bytes. While the blob is still being uploaded, the answer waits until the length is known.

  writeTo @1 (stream :ByteStream, startAtOffset :UInt64) -> (handle :Handle);
  # Writes everything from the given byte on to `stream`, with `expectSize` before and `done` after. The answer comes at
  # once; dropping the handle stops the writing.

  getSlice @2 (offset :UInt64, size :UInt32) -> (data :Data);
  # At most `size` bytes from `offset`; fewer where the blob ends.
}

interface Assignable @0xeaf255b498229199(T) {
  # A value of type T that may be read, changed and watched.

  get @0 () -> (value :T, setter :Setter);
  # The value as it is, and a setter that knows which value was seen: it fails with `disconnected` when the value has been
  # changed since. That is how one changes a value depending on what it was.

  asGetter @1 () -> (getter :Getter);
  # The right to read, alone, to hand on.

  asSetter @2 () -> (setter :Setter);
  # The right to change, alone, to hand on. This setter takes any value at any time.

  interface Getter @0x80f2f65360d64224 {
    # The right to read.

    get @0 () -> (value :T);
    # The value as it is.

    subscribe @1 (setter :Setter) -> (handle :Handle);
    # Calls `setter.set` with the value as it is and then with each new one, until the handle is dropped. The next call
    # waits for the answer of the one before; values in between are left out, but the last one always arrives. A failed
    # call ends the subscription.
  }

  interface Setter @0xd5256a3f93589d2f {
    # The right to change; also what a watcher gives to be told.

    set @0 (value :T) -> ();
    # Makes `value` the value. It holds when the answer arrives.
  }
}

interface StaticAsset @0xfabb5e621fa9a23f {
  # A picture or another unchanging file that a browser may load by URL, such as a profile picture. Apps get them from
  # Granary only; Granary calls nothing on one that an app brings.

  getUrl @0 () -> (protocol :Protocol, hostPath :Text);
  # Where it is. The URL is the name of the protocol, "://" and `hostPath`, which has no `/` before the host. It stays valid
  # for long, but not for ever: ask again for each page.

  enum Protocol @0x9714437546d80c39 {
    # How to fetch it. An app is never to build a URL of anything else out of `hostPath`.

    https @0;
    # Over TLS: always, with Granary.

    http @1;
    # In clear: other platforms, without a certificate.
  }
}
