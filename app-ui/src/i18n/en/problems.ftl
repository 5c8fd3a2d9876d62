# Problems that the page finds by itself. Those of the appliance bring their English words along.

problem-unreachable = This page cannot reach Granary at the moment.
    .title = Granary does not answer
    .remedy = It may be starting again. If this stays, open Granary from its icon.
problem-broken-off = Granary stopped answering before it was done.
    .title = The connection broke off
    .remedy = Try it again.
problem-login-needed = This browser is not logged in to Granary, or its login has ended.
    .title = Open Granary again
    .remedy = Open Granary from its icon, or run “granary open” and follow the link.
problem-page-error = It is a mistake in Granary’s pages, not in your grains.
    .title = Something in this page went wrong
    .remedy = Reload the page.
problem-unexpected-answer = The answer had the status { $status }.
    .title = Granary gave an answer this page does not understand
    .remedy = Reload the page; it may be older than Granary itself.
problem-not-a-package-file = Granary installs app packages. They are single files, most of them with names that end in .spk.
    .title = { $name } is not an app
    .remedy = Choose a package file.
problem-session-keeps-ending = The browser throws its cookie away each time it is opened.
    .title = This grain cannot stay open
    .remedy = Allow cookies for granary.localhost in this browser, then try again.
