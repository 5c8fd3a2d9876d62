# Schwierigkeiten, die die Seite selbst bemerkt.

problem-unreachable = Diese Seite erreicht Granary gerade nicht.
    .title = Granary antwortet nicht
    .remedy = Vielleicht startet es gerade neu. Bleibt es so, öffnen Sie Granary über sein Symbol.
problem-broken-off = Granary hörte auf zu antworten, bevor es fertig war.
    .title = Die Verbindung brach ab
    .remedy = Versuchen Sie es noch einmal.
problem-login-needed = Dieser Browser ist nicht bei Granary angemeldet, oder seine Anmeldung ist zu Ende.
    .title = Öffnen Sie Granary noch einmal
    .remedy = Öffnen Sie Granary über sein Symbol, oder rufen Sie „granary open“ auf und folgen Sie dem Link.
problem-page-error = Das ist ein Fehler in Granarys Seiten, nicht in Ihren Grains.
    .title = In dieser Seite ging etwas schief
    .remedy = Laden Sie die Seite neu.
problem-unexpected-answer = Die Antwort hatte den Status { $status }.
    .title = Granary gab eine Antwort, die diese Seite nicht versteht
    .remedy = Laden Sie die Seite neu; vielleicht ist sie älter als Granary selbst.
problem-not-a-package-file = Granary installiert App-Pakete. Das sind einzelne Dateien, die meisten mit Namen, die auf .spk enden.
    .title = { $name } ist keine App
    .remedy = Wählen Sie eine Paketdatei.
problem-session-keeps-ending = Der Browser wirft sein Cookie jedes Mal weg, wenn es geöffnet wird.
    .title = Dieses Grain kann nicht offen bleiben
    .remedy = Erlauben Sie in diesem Browser Cookies für granary.localhost, und versuchen Sie es noch einmal.
