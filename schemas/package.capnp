# What is inside a package (.spk), and what an author writes to make one.
#
# A package is a file: eight bytes of magic (`magicNumber`), then an xz stream. Unpacked, that stream is two messages, one after
# the other, in the standard framing with segment tables, not packed: a `Signature`, and an `Archive`. The archive's bytes,
# segment table included, are what is signed; the key that signed them is the app's id, so whoever holds it can publish a
# new version, and nobody else.
#
#   package id   the first 16 bytes of the SHA-256 of the whole file, in lower-case hexadecimal
#   app id       the 32 bytes of the public key in base 32, with the digits 0-9 and a-z without b, i, l, o: 52 of them
#
# In the root of the archive lie the file `sandstorm-manifest`, a `Manifest` in the standard framing; for apps behind the
# HTTP bridge also `sandstorm-http-bridge-config`, a `BridgeConfig`, and the bridge itself, `sandstorm-http-bridge`. The rest
# is what the grain sees as its root folder.
#
# An author describes all that in a file of their own, in this language: a constant of the type `PackageDefinition`.

@0xdf9bc20172856a3a;

using ApiSession = import "api-session.capnp";
using Grain = import "grain.capnp";
using Powerbox = import "powerbox.capnp";
using Util = import "util.capnp";

struct PackageDefinition @0x9f149fa71489be0b {
  # What a packing tool is told. It does not get into the package as such.

  id @0 :Text;
  # The app id; the private key for it is in the author's keyring.

  manifest @1 :Manifest;
  # What becomes `sandstorm-manifest`.

  sourceMap @2 :SourceMap;
  # Where the files come from.

  fileList @3 :Text;
  # The name of a file that lists, one per line, what is packed, by paths inside the package. Empty to pack everything that
  # the source map has.

  alwaysInclude @4 :List(Text);
  # Paths inside the package that are packed with everything below them, whether they are in `fileList` or not.

  bridgeConfig @5 :BridgeConfig;
  # What becomes `sandstorm-http-bridge-config`; null for an app that speaks to Granary itself.
}

struct Manifest @0x855f296a69e6e1ca {
  # What Granary knows of an app. At most `sizeLimitInWords` are read of it.

  const sizeLimitInWords @0xd9bd68bd9dba918f :UInt64 = 1048576;
  # 8 MiB, in words of 8 bytes.

  appTitle @7 :Util.LocalizedText;
  # The app's name.

  appVersion @4 :UInt32;
  # A number that grows from version to version. It alone decides what is an update.

  minUpgradableAppVersion @5 :UInt32;
  # The oldest version whose grains this one can read.

  appMarketingVersion @6 :Util.LocalizedText;
  # The version as people are told it: "2.3.1 (beta)".

  minApiVersion @0 :UInt32;
  # The oldest version of this interface that the app can do with. There has been 0 only.

  maxApiVersion @1 :UInt32;
  # The newest version that the app has been tried with.

  metadata @8 :Metadata;
  # For people who choose an app.

  actions @2 :List(Action);
  # What a person can do with the app to begin with: each is a button that makes a new grain.

  continueCommand @3 :Command;
  # How a grain is started from the second time on.

  struct Command @0xc64951b2a02886cf {
    # How to start a program in a grain.

    argv @1 :List(Text);
    # The program and its arguments. The program is a path in the package, not searched for anywhere, and relative to the root
    # folder unless it begins with a slash.

    environ @2 :List(Util.KeyValue);
    # The environment, complete: there are no other variables.

    deprecatedExecutablePath @0 :Text;
    # What the oldest packages have: when not empty, it is put before `argv`.
  }

  struct Action @0xe5c59b9296375a00 {
    # A way to make a grain.

    input :union {
      # What the action starts from.

      none @0 :Void;
      # From nothing.

      capability @1 :List(Powerbox.PowerboxDescriptor);
      # From something that matches one of these. Granary shows no button for it.
    }

    command @2 :Command;
    # How the new grain is started the first time.

    title @3 :Util.LocalizedText;
    # What the action is called: "New notebook".

    nounPhrase @5 :Util.LocalizedText;
    # What it makes: "notebook". When it is empty, Granary takes what follows "New" in the title, or "grain".

    description @4 :Util.LocalizedText;
    # A sentence about it.
  }
}

struct SourceMap @0xe3d7ba482b2e470b {
  # Which folders of the author's computer make up the package.

  searchPath @0 :List(Mapping);
  # They lie over each other: a path is taken from the first of them that has it.

  struct Mapping @0x87dcf1b1edcb3eaf {
    packagePath @0 :Text;
    # Where in the package it lies; empty for the root.

    sourcePath @1 :Text;
    # Where it is on the author's computer: absolute, or relative to the definition's file.

    hidePaths @2 :List(Text);
    # What is left out, by paths below `sourcePath`. A hidden folder stays as an empty one.
  }
}

struct BridgeConfig @0xdd8c82383168c096 {
  # What the HTTP bridge in a package is told.

  viewInfo @0 :Grain.UiView.ViewInfo;
  # What it answers to `UiView.getViewInfo`: the app's permissions, roles and events.

  apiPath @1 :Text;
  # Below which path of the app's server the requests of API sessions go; it begins and ends with a slash. Empty for an app
  # without an API: it refuses such sessions.

  saveIdentityCaps @2 :Bool;
  # Keep the identity of everybody who comes, for `SandstormHttpBridge.getSavedIdentity` and for `powerboxApis`.

  expectAppHooks @4 :Bool;
  # The app connects to the bridge and implements `AppHooks`; wait for it.

  powerboxApis @3 :List(PowerboxApi);
  # APIs that the app offers to other grains through the powerbox. They take the place of `viewInfo.matchRequests`.

  struct PowerboxApi @0xc9702c7dbfc6d7e4 {
    # One API that the app offers.

    name @0 :Text;
    # A name for machines, which a request carries as X-Sandstorm-Api. It must not change: saved references have it.

    displayInfo @1 :Powerbox.PowerboxDisplayInfo;
    # What a person is shown who chooses among several.

    path @2 :Text;
    # Below which path of the app's server its requests go, without a slash at the end.

    tag @3 :ApiSession.ApiSession.PowerboxTag;
    # Which requests of other apps it answers.

    permissions @4 :List(Bool);
    # What those who use it are allowed, of what the person has who handed it on.
  }
}

struct Metadata @0xe0c5892a5448f4ee {
  # What people are shown of an app before, and after, they install it.

  icons :group {
    # Pictures, square all of them. What is missing is replaced by another of them, or drawn from the app id.

    appGrid @0 :Icon;
    # Among other apps: 128 by 128, at most 64 kB.

    grain @1 :Icon;
    # Beside a grain's title: 24 by 24, at most 4 kB.

    market @2 :Icon;
    # In a list of apps to be installed: 150 by 150, at most 64 kB.

    marketBig @18 :Icon;
    # On an app's own page: 300 by 300, at most 256 kB.
  }

  struct Icon @0xe492a2981208ad0b {
    union {
      unknown @0 :Void;
      # There is none.

      svg @1 :Text;
      # A drawing.

      png :group {
        # A picture in two sizes; either may be empty.

        dpi1x @2 :Data;
        # As large as said above.

        dpi2x @3 :Data;
        # Twice that, for finer screens.
      }
    }
  }

  website @3 :Text;
  # The app's own site: an http or https URL, or empty.

  codeUrl @4 :Text;
  # Where the source code is: likewise.

  license :group {
    union {
      none @5 :Void;
      # The author did not say.

      openSource @6 :OpenSourceLicense;
      # One of the approved open source licences.

      proprietary @7 :Util.LocalizedText;
      # Another one, in full.

      publicDomain @8 :Util.LocalizedText;
      # None is needed; this says why.
    }

    notices @9 :Util.LocalizedText;
    # What must be shown of the licences of the parts that the app is made of.
  }

  categories @10 :List(Category);
  # Where a person would look for it.

  author :group {
    # Who made the package.

    upstreamAuthor @19 :Text;
    # Who made the app, if somebody else.

    contactEmail @11 :Text;
    # How the packager can be reached.

    pgpSignature @12 :Data;
    # Proof that the holder of a PGP key stands behind the app: a whole OpenPGP signed message (not a detached signature)
    # whose text is "I am the author of the Sandstorm.io app with the following ID: " and the app id.
  }

  pgpKeyring @13 :Data;
  # The public keys that `author.pgpSignature` is checked with.

  description @14 :Util.LocalizedText;
  # What it is and does, at length, in Markdown.

  shortDescription @15 :Util.LocalizedText;
  # The same in a few words: "Task board".

  screenshots @16 :List(Screenshot);
  # Pictures of it at work. The first is the one to show if there is room for one.

  struct Screenshot @0x8bc9f4365959348e {
    width @0 :UInt32;
    # In pixels, as it should be shown; the picture may have twice as many.

    height @1 :UInt32;
    # Likewise.

    union {
      unknown @2 :Void;
      # There is none.

      png @3 :Data;
      # A PNG file.

      jpeg @4 :Data;
      # A JPEG file.
    }
  }

  changeLog @17 :Util.LocalizedText;
  # What has changed from version to version, in Markdown.
}

struct OsiLicenseInfo @0xb755d258845a4a8f {
  # What an enumerant of `OpenSourceLicense` means.

  id @0 :Text;
  # Its SPDX identifier.

  title @1 :Text;
  # Its name.

  requireSource @2 :Bool;
  # Who passes on the app must offer its source code.
}

annotation osiInfo @0x9476412d0315d869 (enumerant) :OsiLicenseInfo;
# Says what licence an enumerant stands for.

enum OpenSourceLicense @0xd86e43f42c8b0f74 {
  # Approved open source licences, each with its SPDX identifier and name. A missing one is added at the end.

  invalid @0;
  # None; a package that has it is in error.

  mit @1 $osiInfo(id = "MIT", title = "MIT License");
  apache2 @2 $osiInfo(id = "Apache-2.0", title = "Apache License 2.0");
  gpl3 @3 $osiInfo(id = "GPL-3.0", title = "GNU General Public License v3", requireSource = true);
  agpl3 @4 $osiInfo(id = "AGPL-3.0", title = "GNU Affero General Public License v3", requireSource = true);
  bsd3Clause @5 $osiInfo(id = "BSD-3-Clause", title = "BSD 3-Clause License");
  bsd2Clause @6 $osiInfo(id = "BSD-2-Clause", title = "BSD 2-Clause License");
  gpl2 @7 $osiInfo(id = "GPL-2.0", title = "GNU General Public License v2", requireSource = true);
  lgpl2 @8 $osiInfo(id = "LGPL-2.1", title = "GNU Lesser General Public License v2.1", requireSource = true);
  lgpl3 @9 $osiInfo(id = "LGPL-3.0", title = "GNU Lesser General Public License v3", requireSource = true);
  isc @10 $osiInfo(id = "ISC", title = "ISC License");
  artistic2 @11 $osiInfo(id = "Artistic-2.0", title = "Artistic License 2.0", requireSource = true);
  python2 @12 $osiInfo(id = "Python-2.0", title = "Python License 2.0");
  php3 @13 $osiInfo(id = "PHP-3.0", title = "PHP License 3.0");
  mpl2 @14 $osiInfo(id = "MPL-2.0", title = "Mozilla Public License 2.0", requireSource = true);
  cddl @15 $osiInfo(id = "CDDL-1.0", title = "Common Development and Distribution License 1.0", requireSource = true);
  epl @16 $osiInfo(id = "EPL-1.0", title = "Eclipse Public License 1.0", requireSource = true);
  cpal @17 $osiInfo(id = "CPAL-1.0", title = "Common Public Attribution License 1.0", requireSource = true);
  zlib @18 $osiInfo(id = "Zlib", title = "zlib License");
}

struct CategoryDescriptor @0xb9d2951d34ca391c {
  # What an enumerant of `Category` means.

  title @0 :Text;
  # What people are shown.
}

annotation categoryInfo @0x8d51dd236606d205 (enumerant) :CategoryDescriptor;
# Says what category an enumerant stands for.

enum Category @0x938e7e53b106e1c0 {
  # Where an app belongs, for people who look for one. A missing one is added at the end.

  other @0 $categoryInfo(title = "Other");
  # Nowhere else.

  productivity @1 $categoryInfo(title = "Productivity");
  communications @2 $categoryInfo(title = "Communications");
  social @3 $categoryInfo(title = "Social");
  webPublishing @4 $categoryInfo(title = "Web Publishing");
  office @5 $categoryInfo(title = "Office");
  developerTools @6 $categoryInfo(title = "DevTools");
  science @7 $categoryInfo(title = "Science");
  media @8 $categoryInfo(title = "Media");
  games @9 $categoryInfo(title = "Games");
  graphics @10 $categoryInfo(title = "Graphics");
}

struct AppId @0x880c6c7782a33310 {
  # An app's id as bytes: the data section is the public key, byte for byte. (On a big-endian computer the four numbers
  # would have to be swapped; they are never used as numbers.)

  id0 @0 :UInt64;
  # Bytes 0 to 7.

  id1 @1 :UInt64;
  # Bytes 8 to 15.

  id2 @2 :UInt64;
  # Bytes 16 to 23.

  id3 @3 :UInt64;
  # Bytes 24 to 31.
}

struct PackageId @0xe2e344d346ffda6b {
  # A package's id as bytes, in the same way.

  id0 @0 :UInt64;
  # Bytes 0 to 7.

  id1 @1 :UInt64;
  # Bytes 8 to 15.
}

struct VerifiedInfo @0x987ef3040a0342a9 {
  # What a verifying tool tells of a package that it found to be good.

  appId @0 :AppId;
  # Who signed it, after replaced keys have been looked up.

  packageId @1 :PackageId;
  # Which file it was.

  title @2 :Util.LocalizedText;
  # From the manifest.

  version @3 :UInt32;
  # From the manifest.

  marketingVersion @4 :Util.LocalizedText;
  # From the manifest.

  authorPgpKeyFingerprint @5 :Text;
  # The key that stands behind the app, in hexadecimal; empty when the package has no proof.

  metadata @6 :Metadata;
  # From the manifest.
}

struct KeyFile @0xe47ce2b3aab90f74 {
  # An app's keys, as they lie in the author's keyring, which is a file of such messages one after the other.

  publicKey @0 :Data;
  # 32 bytes: Ed25519.

  privateKey @1 :Data;
  # 64 bytes: the seed of 32, and the public key again. Secret.
}

const magicNumber @0x82bdd60d2cf486c9 :Data = 0x"8f c6 cd ef 45 1a ea 96";
# What every package begins with.

struct Signature @0xeca8b9277cb36488 {
  # The first message in a package.

  publicKey @0 :Data;
  # 32 bytes: the Ed25519 key that signed.

  signature @1 :Data;
  # 128 bytes: the Ed25519 signature, 64 bytes, and what it signs, 64 bytes: the SHA-512 of everything that follows this
  # message.
}

struct Archive @0xf153ba7dee1c9118 {
  # The second message in a package: a tree of files.
  #
  # Limits: 1 GiB for the whole message, less than 512 MiB for a file, nesting of 128 pointers (a folder takes two of them).
  # A large file has a segment of its own, so there may be very many segments, some of them empty.

  files @0 :List(File);
  # What lies in the root folder. Packing tools sort by name; readers do not rely on it.

  struct File @0xd92313d72a1ab4d0 {
    name @0 :Text;
    # Its name in its folder: not empty, not "." or "..", without slashes and NUL, and no other file's there. Need not be
    # UTF-8.

    lastModificationTimeNs @5 :Int64;
    # When it was last changed, in nanoseconds since 1970-01-01 00:00 UTC. Kept to the nanosecond: interpreters compare it.

    union {
      regular @1 :Data;
      # A file; it gets mode 0666 less the umask.

      executable @2 :Data;
      # A program; it gets mode 0777 less the umask.

      symlink @3 :Text;
      # A symbolic link to this path, which may be any. It means something inside the sandbox only: never follow it outside.

      directory @4 :List(File);
      # A folder.
    }
  }
}
