# Die Wörter der Seiten. Begriffe: Ein „Grain“ (das Grain, die Grains) ist ein Dokument mit seiner eigenen App darum herum.
# Was zwischen <Zeichen> steht, ist ein Link, Code oder Betonung und bleibt zwischen ihnen.

product = Granary
grain = Grain
grains = Grains
app = App
apps = Apps
trash = Papierkorb
settings = Einstellungen
install = Installieren
log = Protokoll
log-in = Anmelden
not-found = Nicht gefunden
welcome-short = Willkommen

## Buttons

undo = Rückgängig
cancel = Abbrechen
close = Schließen
close-one = { $name } schließen
more = Mehr
less = Weniger
details = Einzelheiten
rename = Umbenennen
restore = Wiederherstellen
restart = Neu starten
uninstall = Deinstallieren
show-log = Protokoll zeigen
open-it = Öffnen
open-alone = In eigenem Tab öffnen
move-to-trash = In den Papierkorb
put-to-sleep = Schlafen legen
delete-for-good = Endgültig löschen
try-again = Noch einmal versuchen
show-all = Alle zeigen
show-fewer = Weniger zeigen
show-more = { $count } weitere zeigen
saved = Gespeichert
go-to-grains = Zu den Grains

## Around every page

skip-to-page = Zum Inhalt springen
menu = Menü
menu-close = Menü schließen
pages = Seiten
open-grains = Offene Grains
open-heading = Offen
side-widen = Seitenleiste verbreitern
side-fold = Seitenleiste einklappen
messages = Meldungen
message-close = Diese Meldung schließen
away = Granary antwortet gerade nicht.
away-text = Diese Seite macht von selbst weiter, sobald es wieder da ist. Ihre Grains sind sicher.
put-aside = Ausblenden
put-aside-one = Ausblenden: { $name }

## Palette and keys

palette = Alles finden und tun
palette-open = Finden …
palette-hint = Ein Grain, eine App, eine Seite, ein Befehl …
palette-found = { $count ->
    [one] { $count } Treffer
   *[other] { $count } Treffer
}
palette-nothing = So heißt hier nichts.
palette-here = Dieses Grain
palette-grains = Grain
palette-create = Anlegen
palette-screens = Seite
palette-commands = Befehl
shortcuts = Tastenkürzel
key-palette = Alles finden und tun
key-help = Diese Liste
key-search = Auf dieser Seite suchen
key-new = Neues Grain
key-walk = Durch eine Liste gehen
key-jump = Zu einem Namen mit diesen Anfangsbuchstaben
key-open = Öffnen
key-rename = Umbenennen
key-delete = In den Papierkorb, oder daraus löschen
key-pick = Auswählen
key-stretch = Mehrere auswählen
key-all = Alle auswählen
key-away = Schließen, oder die Auswahl aufheben
theme-light-use = Helle Farben verwenden
theme-dark-use = Dunkle Farben verwenden
tour-again = Noch einmal herumführen
log-out = In diesem Browser abmelden

## Grains

search-grains = Grains suchen
new-grain = Neues Grain
column-name = Name
column-app = App
column-size = Größe
column-used = Zuletzt benutzt
column-state = Zustand
column-actions = Aktionen
select-all = Alle auswählen
select-one = { $name } auswählen
select-none = Auswahl aufheben
selected = { $count ->
    [one] { $count } ausgewählt, { $size }
   *[other] { $count } ausgewählt, { $size }
}
grains-total = { $count ->
    [0] Keine Grains
    [one] { $count } Grain, { $size }
   *[other] { $count } Grains, { $size }
}
new-name = Neuer Name
new-name-of = Neuer Name für { $name }
rename-one = { $name } umbenennen
rename-key = Umbenennen (F2)
trash-one = { $name } in den Papierkorb legen
trash-key = In den Papierkorb (Entf)
state-running = Läuft
state-running-hint = Es arbeitet gerade.
state-starting = Startet …
state-starting-hint = Es wird gerade geweckt.
state-stopped = Schläft
state-stopped-hint = Es schläft, braucht keinen Arbeitsspeicher und erwacht, wenn es benutzt wird.
nothing-found = So heißt keines
found-in-trash = { $count ->
    [one] Aber im Papierkorb liegt eines.
   *[other] Aber im Papierkorb liegen { $count }.
}
search-rule = Alle Wörter müssen im Namen des Grains oder seiner App vorkommen.
show-all-grains = Alle Grains zeigen
look-in-trash = Im Papierkorb nachsehen
no-grains = Noch keine Grains
no-grains-text = Ein Grain ist ein Dokument mit seiner eigenen App darum herum: eine Notiz, ein Ordner mit Dateien, eine Pinnwand. Wählen Sie eine App, um eines anzulegen.
choose-app = App wählen

## Trash

empty-trash = Papierkorb leeren
trash-note = Grains werden 30 Tage, nachdem sie hierher kamen, gelöscht. Bis dahin lassen sie sich wiederherstellen.
grains-in-trash = Grains im Papierkorb
restore-one = { $name } wiederherstellen
restore-key = Wiederherstellen (Eingabetaste)
delete-one = { $name } endgültig löschen
delete-key = Endgültig löschen (Entf)
trash-empty = Der Papierkorb ist leer
trash-empty-text = Weggeworfene Grains warten hier 30 Tage, falls Sie sie zurückhaben möchten.
in-the-trash = im Papierkorb

## What was done

toast-trashed = { $count ->
    [one] „{ $name }“ liegt im Papierkorb
   *[other] { $count } Grains liegen im Papierkorb
}
toast-deleted = { $count ->
    [one] „{ $name }“ endgültig gelöscht
   *[other] { $count } Grains endgültig gelöscht
}
toast-uninstalled = { $name } deinstalliert
toast-failed = { $count ->
    [one] Bei einem Grain ging es nicht: { $why }
   *[other] Bei { $count } Grains ging es nicht: { $why }
}
task-trashing = { $count } Grains kommen in den Papierkorb …
task-restoring = { $count } Grains werden wiederhergestellt …
task-deleting = { $count } Grains werden gelöscht …
task-stopping = { $count } Grains werden schlafen gelegt …

## Apps

search-apps = Apps suchen
apps-often = Oft benutzt
apps-all = Alle Apps
making = Wird angelegt …
drop-hint = Ein App-Paket können Sie auch irgendwo auf dieses Fenster ziehen.
no-app-found = So heißt keine App
no-app-found-text = Versuchen Sie ein anderes Wort, oder installieren Sie die App, die Sie suchen.
show-all-apps = Alle Apps zeigen
no-apps = Noch keine Apps
no-apps-text = Eine App macht Grains einer Art: Notizen, Pinnwände, Galerien. Ziehen Sie ein App-Paket, eine Datei mit der Endung .spk, auf dieses Fenster, um es zu installieren.
all-apps = Alle Apps
see-all-apps = Alle Apps ansehen
version-is = Version { $version }
by = von { $name }
came-with = mit Granary gekommen
its-grains = Ihre Grains
others-in-list = Die übrigen stehen in der <link>Liste aller Grains</link>.
no-grains-of-app = Noch keine. Jedes Grain, das Sie mit { $name } anlegen, steht hier.
signed-by = Unterschrieben von
fingerprint-text = Der Fingerabdruck des Schlüssels der Autorin oder des Autors. Die Unterschrift stimmt; vergleichen Sie den Fingerabdruck mit einem, den Sie von dort haben, wenn es darauf ankommt, wer das ist.
no-author = Ohne Unterschrift einer Person.
no-author-text = Das Paket ist unversehrt und stammt vom selben Hersteller wie andere Versionen dieser App, aber niemand sagt, wer das ist.
version = Version
space = Platz
app-space = { $count ->
    [0] { $size }; keine Grains
    [one] { $size }; { $count } Grain, den Papierkorb mitgezählt
   *[other] { $size }; { $count } Grains, den Papierkorb mitgezählt
}
app-id = App-Kennung
package = Paket
app-grains-stay = Ihre Grains bleiben und funktionieren weiter.
app-gone = Diese App ist nicht installiert
app-gone-grains = Ihre Grains sind noch da und funktionieren weiter.
app-gone-text = Vielleicht wurde sie deinstalliert.

## Installing

install-from-file = Aus einer Datei installieren
install-from-url = Von einer Webadresse
install-from-url-title = Von einer Webadresse installieren
install-from-url-text = Granary lädt das Paket, prüft, wer es unterschrieben hat, und zeigt Ihnen, was es ist, bevor es installiert wird.
install-next = Weiter
package-address = Adresse des Pakets
app-packages = App-Pakete
drop-to-install = Zum Installieren loslassen
installations = Installationen
installing = { $name } wird installiert
install-asking = Das Paket wird angefordert …
install-handing-over = Die Datei wird übergeben …
install-downloading = Wird geladen …
install-reading = Die Datei wird gelesen …
install-checking = Die Unterschrift wird geprüft …
install-unpacking = Wird entpackt …
install-done = { $name } ist bereit.
install-was-here = { $name } war schon da.
install-upgraded = { $name } ist jetzt Version { $version }.{ $moved ->
    [0] {""}
    [one] {" "}Ein Grain zog mit um.
   *[other] {" "}{ $moved } Grains zogen mit um.
}
install-downgraded = { $name } ist zurück auf Version { $version }.

## An open grain

opening = { $name } wird geöffnet …
is-in-trash = „{ $name }“ liegt im Papierkorb
is-in-trash-text = Dort bleibt es 30 Tage. Wiederhergestellt ist es, wie es war.
restore-it = Wiederherstellen
no-such-grain = Dieses Grain gibt es nicht
no-such-grain-text = Vielleicht wurde es gelöscht, oder die Adresse ist vertippt.
grain-problem = Dieses Grain kann nicht gezeigt werden
check-computer = Diesen Computer prüfen
see-storage = Nachsehen, was Platz braucht
last-words = Die letzten Zeilen seines Protokolls
log-of = Protokoll von { $name }
log-close = Protokoll schließen
log-alone = Protokoll in eigenem Tab öffnen
log-search = Protokoll durchsuchen
log-lines = { $count ->
    [one] { $count } Zeile
   *[other] { $count } Zeilen
}
log-follow = Mitlaufen
log-save = Sichern
log-nothing-found = Keine Zeile enthält diese Wörter.
log-empty = Es hat nichts ausgegeben.
log-empty-yet = Es hat noch nichts ausgegeben.

## First steps

welcome = Willkommen bei Granary
welcome-lead = Ein Zuhause für Ihre Dokumente und die Apps, die sie machen, auf diesem Computer.
begin-with = Fangen Sie mit einer davon an
first-apps-coming = Die ersten Apps werden gerade entpackt. Gleich erscheinen sie hier.
add-others = Weitere kommen unter <link>Apps</link> dazu.
what-is-grain = Was ist ein Grain?
grain-is-one = Ein Dokument
grain-is-one-text = Eine Notiz, ein Ordner mit Dateien, eine Pinnwand. Jedes ist ein Grain mit seiner eigenen App darum herum.
grain-is-alone = Für sich
grain-is-alone-text = Ein Grain sieht sich selbst und sonst nichts: kein anderes Grain, keine Ihrer Dateien, kein Netz.
grain-is-yours = Ihres
grain-is-yours-text = Es liegt auf diesem Computer. Es braucht kein Konto und kein Internet.
browser-warned = Hat der Browser vor dieser Seite gewarnt?
browser-warned-text = Granary spricht mit Ihrem Browser über eine verschlüsselte Verbindung, mit einem Zertifikat von diesem Computer. Der Browser kennt es noch nicht. Unter <link>Zertifikate und Browser</link> in den Einstellungen steht, wie er es kennenlernt.
tour = Ein Rundgang
tour-offer = Neu hier? Vier kurze Hinweise zeigen, wo alles ist.
tour-begin = Herumführen
tour-skip = Überspringen
tour-next = Weiter
tour-done = Fertig
tour-step = { $step } von { $steps }
tour-apps = Apps machen Grains
tour-apps-text = Jede App macht Dokumente einer Art. Weitere Apps kommen aus Paketdateien oder aus dem Web.
tour-grains = Ihre Grains
tour-grains-text = Alles, was Sie angelegt haben, findbar über ein paar Buchstaben des Namens. Weggeworfenes wartet im Papierkorb.
tour-palette = Der schnelle Weg
tour-palette-text = Strg+K findet von überall jedes Grain, jede Seite und jeden Befehl. Das Fragezeichen zeigt alle Tasten.
tour-settings = Wie Sie es mögen
tour-settings-text = Sprache, Farben, Platz, und ob dieser Computer alles hat, was Granary braucht.

## Logging in

log-in-earlier = Mit der früheren Anmeldung weitermachen
log-in-opening = Granary wird geöffnet …
open-again = Öffnen Sie Granary noch einmal
open-again-text = Granary ist da, aber dieser Browser ist nicht angemeldet. Ein Passwort gibt es nicht: Granary öffnet sich nur aus Ihrem eigenen Benutzerkonto.
open-from-desktop = Vom Schreibtisch aus
open-from-desktop-text = Öffnen Sie Granary über sein Symbol.
open-from-terminal = Aus einem Terminal
open-from-terminal-text = Rufen Sie <code>granary open</code> auf und folgen Sie dem Link. Er gilt einmal und eine Minute lang.
nothing-lost = Nichts ist verloren: Ihre Grains sind, wo sie waren.
clear-cookies = Cookies löschen
clear-cookies-text = Die Cookies zu löschen behebt es und schadet Ihren Grains nicht.
no-page = Hier ist keine Seite
no-page-text = Vielleicht ist die Adresse vertippt, oder ihr Ziel ist fort.

## Settings

settings-general = Allgemein
settings-storage = Platz
settings-certificates = Zertifikate und Browser
settings-computer = Dieser Computer
settings-about = Über Granary
language = Sprache
language-auto = Die des Browsers
theme = Farben
theme-system = Die des Schreibtischs
theme-light = Hell
theme-dark = Dunkel
your-name = Ihr Name
your-name-text = Apps sehen ihn.
idle = Unbenutzte Grains schlafen nach
idle-text = Ein schlafendes Grain braucht keinen Arbeitsspeicher und erwacht, wenn es benutzt wird.
port = Port
port-text = Teil der Adresse von Granary. Ein neuer gilt ab dem nächsten Start; dann melden Sie sich neu an.
install-local = Apps von Adressen des eigenen Netzes installieren
install-local-text = Sonst werden Webadressen dieses Computers und seines Netzes abgelehnt.
limits = Was ein Grain nehmen darf
limits-text = Gilt für ein Grain ab seinem nächsten Start.
limit-memory = Arbeitsspeicher
limit-memory-text = Mehr bekommt es nicht.
limit-storage-warning = Warnen ab diesem Platz
limit-storage-warning-text = Sie sehen einen Hinweis.
limit-storage = Anhalten ab diesem Platz
limit-storage-text = Es steht, bis die Grenze erhöht ist.
limit-processes = Prozesse
limit-processes-text = Threads zählen mit.
limit-processor = Prozessor
limit-processor-text = 100 ist ein ganzer Prozessor. Leer heißt ohne Grenze.
certificates-text = Die Seiten kommen über eine verschlüsselte Verbindung in Ihren Browser, mit einem Zertifikat von diesem Computer. Es gilt nur für Granarys eigene Namen; niemand kann es für eine andere Website benutzen.
looking = Wird nachgesehen …
look-again = Noch einmal nachsehen
in-order = in Ordnung
needs-attention = braucht Aufmerksamkeit
address = Adresse
data-folder = Datenordner

## Looking at a package before it is installed

consent-new = { $name } installieren?
consent-upgrade = { $name } aktualisieren?
consent-downgrade = Zu einer älteren Version von { $name } zurück?
consent-sameVersion = { $name } durch einen anderen Stand ersetzen?
consent-reinstall = { $name } ist schon installiert
consent-do-new = Installieren
consent-do-upgrade = Aktualisieren
consent-do-downgrade = Zurückgehen
consent-do-sameVersion = Ersetzen
consent-do-reinstall = Fertig
consent-downgrade-text = { $count ->
    [0] Diese Version ist älter als die vorhandene.
    [one] Diese Version ist älter als die vorhandene. Ein Grain bleibt bei der neueren.
   *[other] Diese Version ist älter als die vorhandene. { $count } Grains bleiben bei der neueren.
}
consent-author-changed = Die vorhandene Version trägt die Unterschrift einer anderen Person oder keine. Der Schlüssel der App ist derselbe, aber niemand beweist, dass es dieselbe Person ist.
consent-may = Sie kann
consent-may-not = Jedes ihrer Grains ist abgeschlossen: kein Netz, keine Ihrer Dateien, kein anderes Grain, solange Sie ihm nichts geben.
consent-upgrade-grains = { $count ->
    [one] Ihr Grain auf diese Version umstellen
   *[other] Ihre { $count } Grains auf diese Version umstellen
}
asks-own-folder = Daten in einem eigenen Ordner halten, einem für jedes Grain
asks-api = anderen Programmen dienen, denen Sie einen Schlüssel geben
asks-offers = anderen Grains anbieten, was Sie verbinden: { $names }
asks-takes = nehmen, was andere Grains anbieten, wenn Sie sie verbinden
asks-identities = sich merken, wer ihre Besucher sind
asks-roles = mit Rollen geteilt werden: { $names }
version-from-to = { $from } → { $to }
licence = Lizenz
licence-openSource = Quelloffen
licence-proprietary = Geschlossen
licence-publicDomain = Gemeinfrei
install-changing-over = Wird installiert …
install-waits = Es ist geprüft und wartet auf Ihre Antwort.
install-gone = Hier gibt es nichts zu installieren
install-gone-text = Das Paket wurde installiert oder abgebrochen, oder es wartete zu lange auf eine Antwort. Öffnen Sie die Datei noch einmal.
look-at-it = Ansehen
go-to-app = Zu { $name }

## More about an app

older-grains = { $count ->
    [one] Ein Grain benutzt eine ältere Version.
   *[other] { $count } Grains benutzen eine ältere Version.
}
newer-grains = { $count ->
    [one] Ein Grain benutzt eine neuere Version und bleibt dabei.
   *[other] { $count } Grains benutzen eine neuere Version und bleiben dabei.
}
upgrade-grains = Grains umstellen
grains-upgraded = { $count ->
    [one] Ein Grain benutzt ab seinem nächsten Start die aktuelle Version
   *[other] { $count } Grains benutzen ab ihrem nächsten Start die aktuelle Version
}
links = Links
link-website = Website
link-code = Quelltext
description = Beschreibung
change-log = Was sich geändert hat
versions = Versionen auf diesem Computer
version-current = aktuell
version-line = { $count ->
    [0] seit { $date }, keine Grains
    [one] seit { $date }, { $count } Grain
   *[other] seit { $date }, { $count } Grains
}

## Notifications

notifications = Mitteilungen
notifications-clear = Alle entfernen
unread = { $count ->
    [one] { $count } neue
   *[other] { $count } neue
}
times = { $count }×
dismiss = Entfernen
dismiss-one = Entfernen: { $name }
no-notifications = Es ist nichts geschehen
no-notifications-text = Wenn ein Grain ausfällt, seinen Platz füllt oder ein Paket auf Sie wartet, steht es hier.

## More settings

desktop = Schreibtisch
open-grains-in = Grains öffnen
open-grains-in-window = in eigenen Fenstern
open-grains-in-browser = im Browser
switch-restoreWindows = Fenster wiederbringen
switch-restoreWindows-text = Offene Fenster stehen nach einem Neustart wieder da.
switch-startAtLogin = Mit dem Schreibtisch starten
switch-startAtLogin-text = Granary ist bereit, sobald Sie sich an diesem Computer anmelden.
switch-closeToTray = In der Leiste weiterlaufen
switch-closeToTray-text = Ist das letzte Fenster geschlossen, laufen Granary und seine Grains weiter.
switch-desktopNotifications = Mitteilungen des Schreibtischs
switch-desktopNotifications-text = Sonst stehen sie nur in der Liste.
switch-developerTools = Entwicklerwerkzeuge
switch-developerTools-text = Für alle, die Apps schreiben.
software-rendering = Ohne die Grafikkarte zeichnen
software-rendering-text = Ein Ausweg, wenn Fenster leer bleiben oder flackern. Gilt ab dem nächsten Start.
software-rendering-auto = Granary entscheidet
software-rendering-on = Immer
software-rendering-off = Nie
in-own-window = Dieses Grain hat ein eigenes Fenster
in-own-window-text = Es ist nach vorn gekommen oder kommt gleich.
show-window = Fenster zeigen
storage-grains = Grains
storage-trash = Papierkorb
storage-apps = Apps
storage-database = Listen und Einstellungen
storage-free = Frei auf diesem Datenträger
storage-free-of = { $free } von { $all }
storage-by-grain = Jedes Grain
store-chromium = Chromium, Chrome und Verwandte
store-firefox = Firefox
store-system = Das ganze System
store-state-trusted = vertraut Granary
store-state-notTrusted = kennt es noch nicht
store-state-missingTool = ein Programm fehlt
store-state-failed = es ging nicht
no-stores = Es wurde kein Browser gefunden.
certificates-install = Granary bekannt machen
certificates-remove = Zurücknehmen
certificates-restart = Browser bemerken es nach einem Neustart. Die Liste des ganzen Systems braucht Verwaltungsrechte: die Befehlszeile sagt, wie.
made-of = Aus der Arbeit anderer
made-of-text = { $count ->
    [0] Granary besteht aus der Arbeit vieler Menschen.
    [one] Granary enthält { $count } Bestandteil von anderen.
   *[other] Granary enthält { $count } Bestandteile von anderen.
}
made-of-search = Nach Name oder Lizenz suchen
licence-text = Text
