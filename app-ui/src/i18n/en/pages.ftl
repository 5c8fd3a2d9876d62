# The words of the pages. Terms: a "grain" is one document with an app of its own around it; an "app" makes grains of one kind.
# Text between <tags> is a link, code or emphasis and stays between its tags.

product = Granary
grain = Grain
grains = Grains
app = App
apps = Apps
trash = Trash
settings = Settings
install = Install
log = Log
log-in = Log in
not-found = Not found
welcome-short = Welcome

## Buttons that stand in many places

undo = Undo
cancel = Cancel
close = Close
close-one = Close { $name }
more = More
less = Less
details = Details
rename = Rename
restore = Restore
restart = Restart
uninstall = Uninstall
show-log = Show the log
open-it = Open it
open-alone = Open in its own tab
move-to-trash = Move to trash
put-to-sleep = Put to sleep
delete-for-good = Delete for good
try-again = Try again
show-all = Show all
show-fewer = Show fewer
show-more = Show { $count } more
saved = Saved
go-to-grains = Go to the grains

## Around every page

skip-to-page = Skip to the page
menu = Menu
menu-close = Close the menu
pages = Pages
open-grains = Open grains
open-heading = Open
side-widen = Widen the side bar
side-fold = Fold the side bar
messages = Messages
message-close = Close this message
away = Granary does not answer at the moment.
away-text = This page goes on by itself as soon as it is back. Your grains are safe.
put-aside = Put aside
put-aside-one = Put aside: { $name }

## Palette and keys

palette = Find or do anything
palette-open = Find…
palette-hint = A grain, an app, a page, a command…
palette-found = { $count ->
    [one] { $count } result
   *[other] { $count } results
}
palette-nothing = Nothing is called that.
palette-here = This grain
palette-grains = Grain
palette-create = Create
palette-screens = Page
palette-commands = Command
shortcuts = Keyboard shortcuts
key-palette = Find or do anything
key-help = This list
key-search = Search on this page
key-new = New grain
key-walk = Walk through a list
key-jump = Jump to a name by its first letters
key-open = Open
key-rename = Rename
key-delete = Move to trash, or delete from it
key-pick = Select
key-stretch = Select several
key-all = Select all
key-away = Close, or clear the selection
theme-light-use = Use light colours
theme-dark-use = Use dark colours
tour-again = Show me around
log-out = Log out of this browser

## Grains

search-grains = Search grains
new-grain = New grain
column-name = Name
column-app = App
column-size = Size
column-used = Last used
column-state = State
column-actions = Actions
select-all = Select all
select-one = Select { $name }
select-none = Select none
selected = { $count ->
    [one] { $count } selected, { $size }
   *[other] { $count } selected, { $size }
}
grains-total = { $count ->
    [0] No grains
    [one] { $count } grain, { $size }
   *[other] { $count } grains, { $size }
}
new-name = New name
new-name-of = New name of { $name }
rename-one = Rename { $name }
rename-key = Rename (F2)
trash-one = Move { $name } to the trash
trash-key = Move to trash (Delete)
state-running = Running
state-running-hint = It works at the moment.
state-starting = Starting…
state-starting-hint = It is being woken.
state-stopped = Asleep
state-stopped-hint = It sleeps, takes no memory, and wakes when it is used.
nothing-found = Nothing is called that
found-in-trash = { $count ->
    [one] But in the trash there is one.
   *[other] But in the trash there are { $count }.
}
search-rule = All words have to occur in the name of the grain or of its app.
show-all-grains = Show all grains
look-in-trash = Look in the trash
no-grains = No grains yet
no-grains-text = A grain is one document with an app of its own around it: a note, a folder of files, a board. Choose an app to create one.
choose-app = Choose an app

## Trash

empty-trash = Empty the trash
trash-note = Grains are deleted 30 days after they came here. Until then they can be restored.
grains-in-trash = Grains in the trash
restore-one = Restore { $name }
restore-key = Restore (Enter)
delete-one = Delete { $name } for good
delete-key = Delete for good (Delete)
trash-empty = The trash is empty
trash-empty-text = Grains you throw away wait here for 30 days, in case you want them back.
in-the-trash = in the trash

## What was done

toast-trashed = { $count ->
    [one] “{ $name }” is in the trash
   *[other] { $count } grains are in the trash
}
toast-deleted = { $count ->
    [one] “{ $name }” deleted for good
   *[other] { $count } grains deleted for good
}
toast-uninstalled = { $name } uninstalled
toast-failed = { $count ->
    [one] It did not work for one grain: { $why }
   *[other] It did not work for { $count } grains: { $why }
}
task-trashing = Moving { $count } grains to the trash…
task-restoring = Restoring { $count } grains…
task-deleting = Deleting { $count } grains…
task-stopping = Putting { $count } grains to sleep…

## Apps

search-apps = Search apps
apps-often = Most used
apps-all = All apps
making = Making it…
drop-hint = An app package can also be dropped anywhere onto this window.
no-app-found = No app is called that
no-app-found-text = Try another word, or install the app you are looking for.
show-all-apps = Show all apps
no-apps = No apps yet
no-apps-text = An app makes grains of one kind: notes, boards, galleries. Drop an app package, a file that ends in .spk, onto this window to install it.
all-apps = All apps
see-all-apps = See all apps
version-is = Version { $version }
by = by { $name }
came-with = came with Granary
its-grains = Its grains
others-in-list = The others are in the <link>list of all grains</link>.
no-grains-of-app = None yet. Each grain you create with { $name } stands here.
signed-by = Signed by
fingerprint-text = The fingerprint of the author’s key. The signature is good; compare the fingerprint with one from the author if it matters who that is.
no-author = No author’s signature.
no-author-text = The package is whole and comes from the same maker as other versions of this app, but nobody says who that is.
version = Version
space = Space
app-space = { $count ->
    [0] { $size }; no grains
    [one] { $size }; { $count } grain, the trash included
   *[other] { $size }; { $count } grains, the trash included
}
app-id = App id
package = Package
app-grains-stay = Its grains stay and keep working.
app-gone = This app is not installed
app-gone-grains = Its grains are still here and keep working.
app-gone-text = It may have been uninstalled.

## Installing

install-from-file = Install from a file
install-from-url = From a web address
install-from-url-title = Install from a web address
install-from-url-text = Granary downloads it, checks who signed it, and shows you what it is before it is installed.
install-next = Next
package-address = Address of the package
app-packages = App packages
drop-to-install = Drop it to install the app
installations = Installations
installing = Installing { $name }
install-asking = Asking for the package…
install-handing-over = Handing the file over…
install-downloading = Downloading…
install-reading = Reading the file…
install-checking = Checking the signature…
install-unpacking = Unpacking…
install-done = { $name } is ready to use.
install-was-here = { $name } was here already.
install-upgraded = { $name } is now version { $version }.{ $moved ->
    [0] {""}
    [one] {" "}One grain moved along.
   *[other] {" "}{ $moved } grains moved along.
}
install-downgraded = { $name } is back at version { $version }.

## An open grain

opening = Opening { $name }…
is-in-trash = “{ $name }” is in the trash
is-in-trash-text = It is kept there for 30 days. Restored, it is as it was.
restore-it = Restore it
no-such-grain = There is no such grain
no-such-grain-text = It may have been deleted, or the address is mistyped.
grain-problem = This grain cannot be shown
check-computer = Check this computer
see-storage = See what takes space
last-words = The last lines of its log
log-of = Log of { $name }
log-close = Close the log
log-alone = Open the log in its own tab
log-search = Search the log
log-lines = { $count ->
    [one] { $count } line
   *[other] { $count } lines
}
log-follow = Follow
log-save = Save
log-nothing-found = No line has these words.
log-empty = It has printed nothing.
log-empty-yet = It has printed nothing yet.

## First steps

welcome = Welcome to Granary
welcome-lead = A home for your documents and the apps that make them, on this computer.
begin-with = Begin with one of these
first-apps-coming = The first apps are being unpacked. They appear here in a moment.
add-others = You can add others under <link>Apps</link>.
what-is-grain = What is a grain?
grain-is-one = One document
grain-is-one-text = A note, a folder of files, a board. Each is a grain, with an app of its own around it.
grain-is-alone = On its own
grain-is-alone-text = A grain sees itself and nothing else: no other grain, no file of yours, no network.
grain-is-yours = Yours
grain-is-yours-text = It lies on this computer. There is no account, and it works without the internet.
browser-warned = Did the browser warn you about this page?
browser-warned-text = Granary talks to your browser over an encrypted connection with a certificate made on this computer. The browser does not know it yet. <link>Certificates and browsers</link> in the settings says how to make it known.
tour = A look around
tour-offer = New here? Four short notes show where everything is.
tour-begin = Show me around
tour-skip = Skip
tour-next = Next
tour-done = Done
tour-step = { $step } of { $steps }
tour-apps = Apps make grains
tour-apps-text = Each app makes documents of one kind. More apps come from package files, or from the web.
tour-grains = Your grains
tour-grains-text = Everything you made, found by a few letters of its name. What you throw away waits in the trash.
tour-palette = The quick way
tour-palette-text = Ctrl+K finds every grain, page and command from anywhere. The question mark lists all keys.
tour-settings = As you like it
tour-settings-text = Language, colours, space, and whether this computer has all that Granary needs.

## Logging in

log-in-earlier = Go on with the earlier login
log-in-opening = Opening Granary…
open-again = Open Granary again
open-again-text = Granary is here, but this browser is not logged in. There is no password: Granary opens from your own computer account only.
open-from-desktop = From the desktop
open-from-desktop-text = Open Granary from its icon.
open-from-terminal = From a terminal
open-from-terminal-text = Run <code>granary open</code> and follow the link it gives. It works once, for one minute.
nothing-lost = Nothing is lost: your grains are where they were.
clear-cookies = Clear the cookies
clear-cookies-text = Clearing the cookies mends it and does no harm to your grains.
no-page = There is no page here
no-page-text = The address may be mistyped, or what it led to is gone.

## Settings

settings-general = General
settings-storage = Space
settings-certificates = Certificates and browsers
settings-computer = This computer
settings-about = About
language = Language
language-auto = The browser’s
theme = Colours
theme-system = The desktop’s
theme-light = Light
theme-dark = Dark
your-name = Your name
your-name-text = Apps see it.
idle = Let unused grains sleep after
idle-text = A grain that sleeps takes no memory and wakes when it is used.
port = Port
port-text = Part of Granary’s address. A new one holds from the next start on, and you log in again then.
install-local = Install apps from addresses of your own network
install-local-text = Off, web addresses of this computer and its network are refused.
limits = What one grain may take
limits-text = Holds for a grain from its next start on.
limit-memory = Memory
limit-memory-text = More is refused to it.
limit-storage-warning = Warn at this much space
limit-storage-warning-text = You see a notice.
limit-storage = Stop at this much space
limit-storage-text = It is stopped until the limit is raised.
limit-processes = Processes
limit-processes-text = And threads.
limit-processor = Processor
limit-processor-text = 100 is one whole processor. Empty means no limit.
certificates-text = Pages reach your browser over an encrypted connection with a certificate made on this computer. It is good for Granary’s own names only; nobody can use it for another site.
looking = Looking…
look-again = Look again
in-order = in order
needs-attention = needs attention
address = Address
data-folder = Data folder

## Looking at a package before it is installed

consent-new = Install { $name }?
consent-upgrade = Upgrade { $name }?
consent-downgrade = Go back to an older { $name }?
consent-sameVersion = Replace { $name } by another build?
consent-reinstall = { $name } is installed already
consent-do-new = Install
consent-do-upgrade = Upgrade
consent-do-downgrade = Go back
consent-do-sameVersion = Replace
consent-do-reinstall = Done
consent-downgrade-text = { $count ->
    [0] This version is older than the one that is here.
    [one] This version is older than the one that is here. One grain stays with the newer one.
   *[other] This version is older than the one that is here. { $count } grains stay with the newer one.
}
consent-author-changed = The version that is here has another author’s signature, or none. The app’s own key is the same, but nobody proves that the author is.
consent-may = It can
consent-may-not = Each of its grains is closed off: no network, no files of yours, no other grain, unless you hand it something.
consent-upgrade-grains = { $count ->
    [one] Move its grain to this version
   *[other] Move its { $count } grains to this version
}
asks-own-folder = keep data in a folder of its own, one for each grain
asks-api = serve other programs that you give a key to
asks-offers = offer other grains what you connect: { $names }
asks-takes = take what other grains offer when you connect them
asks-identities = remember who its visitors are
asks-roles = be shared with roles: { $names }
version-from-to = { $from } → { $to }
licence = Licence
licence-openSource = Open source
licence-proprietary = Closed
licence-publicDomain = Public domain
install-changing-over = Installing…
install-waits = It is checked, and waits for your answer.
install-gone = There is nothing to install here
install-gone-text = The package was installed or cancelled, or waited too long for an answer. Open the file again.
look-at-it = Look at it
go-to-app = Go to { $name }

## More about an app

older-grains = { $count ->
    [one] One grain uses an older version.
   *[other] { $count } grains use an older version.
}
newer-grains = { $count ->
    [one] One grain uses a newer version, and stays with it.
   *[other] { $count } grains use a newer version, and stay with it.
}
upgrade-grains = Upgrade grains
grains-upgraded = { $count ->
    [one] One grain uses the current version from its next start on
   *[other] { $count } grains use the current version from their next start on
}
links = Links
link-website = Website
link-code = Source code
description = Description
change-log = What changed
versions = Versions on this computer
version-current = current
version-line = { $count ->
    [0] since { $date }, no grains
    [one] since { $date }, { $count } grain
   *[other] since { $date }, { $count } grains
}

## Notifications

notifications = Notifications
notifications-clear = Clear all
unread = { $count ->
    [one] { $count } new
   *[other] { $count } new
}
times = { $count }×
dismiss = Dismiss
dismiss-one = Dismiss: { $name }
no-notifications = Nothing has happened
no-notifications-text = When a grain fails, fills its space, or a package waits for you, it is told here.

## More settings

desktop = Desktop
open-grains-in = Open grains
open-grains-in-window = in windows of their own
open-grains-in-browser = in the browser
switch-restoreWindows = Bring windows back
switch-restoreWindows-text = Windows that were open stand open again after a restart.
switch-startAtLogin = Start with the desktop
switch-startAtLogin-text = Granary is ready as soon as you log in to this computer.
switch-closeToTray = Go on in the tray
switch-closeToTray-text = Closing the last window leaves Granary and its grains running.
switch-desktopNotifications = Notifications of the desktop
switch-desktopNotifications-text = Off, they are only in the list.
switch-developerTools = Developer’s tools
switch-developerTools-text = For those who write apps.
software-rendering = Draw without the graphics card
software-rendering-text = A way out when windows stay empty or flicker. Holds from the next start on.
software-rendering-auto = Granary decides
software-rendering-on = Always
software-rendering-off = Never
in-own-window = This grain has a window of its own
in-own-window-text = It has come to the front, or is about to.
show-window = Show its window
storage-grains = Grains
storage-trash = Trash
storage-apps = Apps
storage-database = Lists and settings
storage-free = Free on this disk
storage-free-of = { $free } of { $all }
storage-by-grain = Each grain
store-chromium = Chromium, Chrome and their relatives
store-firefox = Firefox
store-system = The whole system
store-state-trusted = trusts Granary
store-state-notTrusted = does not know it yet
store-state-missingTool = a program is missing
store-state-failed = it did not work
no-stores = No browser was found.
certificates-install = Make them trust Granary
certificates-remove = Take it back
certificates-restart = Browsers notice after they were started again. The whole system’s list needs an administrator: the command line says how.
made-of = Made of others’ work
made-of-text = { $count ->
    [0] Granary is made of many people’s work.
    [one] Granary contains { $count } component by other people.
   *[other] Granary contains { $count } components by other people.
}
made-of-search = Search by name or licence
licence-text = Text
