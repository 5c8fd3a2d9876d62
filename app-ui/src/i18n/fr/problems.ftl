# Les difficultés que la page remarque elle-même.

problem-unreachable = Cette page ne peut pas joindre Granary pour le moment.
    .title = Granary ne répond pas
    .remedy = Il redémarre peut-être. Si cela dure, ouvrez Granary par son icône.
problem-broken-off = Granary a cessé de répondre avant d’avoir fini.
    .title = La connexion s’est interrompue
    .remedy = Réessayez.
problem-login-needed = Ce navigateur n’est pas connecté à Granary, ou sa connexion a pris fin.
    .title = Ouvrez Granary à nouveau
    .remedy = Ouvrez Granary par son icône, ou lancez « granary open » et suivez le lien.
problem-page-error = C’est une erreur dans les pages de Granary, pas dans vos grains.
    .title = Quelque chose n’a pas marché dans cette page
    .remedy = Rechargez la page.
problem-unexpected-answer = La réponse avait le statut { $status }.
    .title = Granary a donné une réponse que cette page ne comprend pas
    .remedy = Rechargez la page ; elle est peut-être plus vieille que Granary lui-même.
problem-not-a-package-file = Granary installe des paquets d’applications. Ce sont des fichiers, dont la plupart se terminent par .spk.
    .title = { $name } n’est pas une application
    .remedy = Choisissez un fichier de paquet.
problem-session-keeps-ending = Le navigateur jette son cookie chaque fois qu’il est ouvert.
    .title = Ce grain ne peut pas rester ouvert
    .remedy = Autorisez les cookies de granary.localhost dans ce navigateur, puis réessayez.
