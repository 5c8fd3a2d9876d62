# Les mots des pages. Termes : un « grain » est un document avec sa propre application autour de lui.
# Ce qui est entre <balises> est un lien, du code ou une insistance, et reste entre elles.

product = Granary
grain = Grain
grains = Grains
app = Application
apps = Applications
trash = Corbeille
settings = Réglages
install = Installer
log = Journal
log-in = Se connecter
not-found = Introuvable
welcome-short = Bienvenue

## Buttons

undo = Annuler l’action
cancel = Annuler
close = Fermer
close-one = Fermer { $name }
more = Plus
less = Moins
details = Détails
rename = Renommer
restore = Restaurer
restart = Redémarrer
uninstall = Désinstaller
show-log = Voir le journal
open-it = L’ouvrir
open-alone = Ouvrir dans son propre onglet
move-to-trash = Mettre à la corbeille
put-to-sleep = Mettre en sommeil
delete-for-good = Supprimer définitivement
try-again = Réessayer
show-all = Tout afficher
show-fewer = Afficher moins
show-more = Afficher { $count } de plus
saved = Enregistré
go-to-grains = Aller aux grains

## Around every page

skip-to-page = Aller au contenu
menu = Menu
menu-close = Fermer le menu
pages = Pages
open-grains = Grains ouverts
open-heading = Ouverts
side-widen = Élargir la barre latérale
side-fold = Replier la barre latérale
messages = Messages
message-close = Fermer ce message
away = Granary ne répond pas pour le moment.
away-text = Cette page reprendra d’elle-même dès son retour. Vos grains sont en sécurité.
put-aside = Mettre de côté
put-aside-one = Mettre de côté : { $name }

## Palette and keys

palette = Tout trouver, tout faire
palette-open = Trouver…
palette-hint = Un grain, une application, une page, une commande…
palette-found = { $count ->
    [one] { $count } résultat
   *[other] { $count } résultats
}
palette-nothing = Rien ne porte ce nom.
palette-here = Ce grain
palette-grains = Grain
palette-create = Créer
palette-screens = Page
palette-commands = Commande
shortcuts = Raccourcis clavier
key-palette = Tout trouver, tout faire
key-help = Cette liste
key-search = Chercher dans cette page
key-new = Nouveau grain
key-walk = Parcourir une liste
key-jump = Aller à un nom par ses premières lettres
key-open = Ouvrir
key-rename = Renommer
key-delete = Mettre à la corbeille, ou en supprimer
key-pick = Sélectionner
key-stretch = En sélectionner plusieurs
key-all = Tout sélectionner
key-away = Fermer, ou annuler la sélection
theme-light-use = Passer aux couleurs claires
theme-dark-use = Passer aux couleurs sombres
tour-again = Refaire la visite
log-out = Se déconnecter de ce navigateur

## Grains

search-grains = Chercher des grains
new-grain = Nouveau grain
column-name = Nom
column-app = Application
column-size = Taille
column-used = Dernier usage
column-state = État
column-actions = Actions
select-all = Tout sélectionner
select-one = Sélectionner { $name }
select-none = Annuler la sélection
selected = { $count ->
    [one] { $count } sélectionné, { $size }
   *[other] { $count } sélectionnés, { $size }
}
grains-total = { $count ->
    [0] Aucun grain
    [one] { $count } grain, { $size }
   *[other] { $count } grains, { $size }
}
new-name = Nouveau nom
new-name-of = Nouveau nom de { $name }
rename-one = Renommer { $name }
rename-key = Renommer (F2)
trash-one = Mettre { $name } à la corbeille
trash-key = Mettre à la corbeille (Suppr)
state-running = En marche
state-running-hint = Il travaille en ce moment.
state-starting = Démarre…
state-starting-hint = Il se réveille.
state-stopped = En sommeil
state-stopped-hint = Il dort, n’occupe pas de mémoire et se réveille dès qu’on l’utilise.
nothing-found = Rien ne porte ce nom
found-in-trash = { $count ->
    [one] Mais il y en a un dans la corbeille.
   *[other] Mais il y en a { $count } dans la corbeille.
}
search-rule = Tous les mots doivent figurer dans le nom du grain ou de son application.
show-all-grains = Afficher tous les grains
look-in-trash = Voir dans la corbeille
no-grains = Pas encore de grains
no-grains-text = Un grain est un document avec sa propre application autour de lui : une note, un dossier de fichiers, un tableau. Choisissez une application pour en créer un.
choose-app = Choisir une application

## Trash

empty-trash = Vider la corbeille
trash-note = Les grains sont supprimés 30 jours après leur arrivée ici. D’ici là, on peut les restaurer.
grains-in-trash = Grains dans la corbeille
restore-one = Restaurer { $name }
restore-key = Restaurer (Entrée)
delete-one = Supprimer { $name } définitivement
delete-key = Supprimer définitivement (Suppr)
trash-empty = La corbeille est vide
trash-empty-text = Les grains que vous jetez attendent ici 30 jours, au cas où vous voudriez les reprendre.
in-the-trash = dans la corbeille

## What was done

toast-trashed = { $count ->
    [one] « { $name } » est dans la corbeille
   *[other] { $count } grains sont dans la corbeille
}
toast-deleted = { $count ->
    [one] « { $name } » supprimé définitivement
   *[other] { $count } grains supprimés définitivement
}
toast-uninstalled = { $name } désinstallée
toast-failed = { $count ->
    [one] Cela n’a pas marché pour un grain : { $why }
   *[other] Cela n’a pas marché pour { $count } grains : { $why }
}
task-trashing = Mise à la corbeille de { $count } grains…
task-restoring = Restauration de { $count } grains…
task-deleting = Suppression de { $count } grains…
task-stopping = Mise en sommeil de { $count } grains…

## Apps

search-apps = Chercher des applications
apps-often = Les plus utilisées
apps-all = Toutes les applications
making = Création…
drop-hint = On peut aussi déposer un paquet d’application n’importe où sur cette fenêtre.
no-app-found = Aucune application ne porte ce nom
no-app-found-text = Essayez un autre mot, ou installez l’application que vous cherchez.
show-all-apps = Afficher toutes les applications
no-apps = Pas encore d’applications
no-apps-text = Une application fait des grains d’une sorte : notes, tableaux, galeries. Déposez un paquet d’application, un fichier qui se termine par .spk, sur cette fenêtre pour l’installer.
all-apps = Toutes les applications
see-all-apps = Voir toutes les applications
version-is = Version { $version }
by = par { $name }
came-with = fournie avec Granary
its-grains = Ses grains
others-in-list = Les autres sont dans la <link>liste de tous les grains</link>.
no-grains-of-app = Aucun pour l’instant. Chaque grain que vous créez avec { $name } se trouvera ici.
signed-by = Signée par
fingerprint-text = L’empreinte de la clé de l’auteur. La signature est bonne ; comparez l’empreinte avec celle que donne l’auteur s’il importe de savoir qui c’est.
no-author = Sans signature d’auteur.
no-author-text = Le paquet est intact et vient du même fabricant que les autres versions de cette application, mais personne ne dit qui c’est.
version = Version
space = Espace
app-space = { $count ->
    [0] { $size } ; aucun grain
    [one] { $size } ; { $count } grain, corbeille comprise
   *[other] { $size } ; { $count } grains, corbeille comprise
}
app-id = Identifiant
package = Paquet
app-grains-stay = Ses grains restent et continuent de marcher.
app-gone = Cette application n’est pas installée
app-gone-grains = Ses grains sont toujours là et continuent de marcher.
app-gone-text = Elle a peut-être été désinstallée.

## Installing

install-from-file = Installer depuis un fichier
install-from-url = Depuis une adresse web
install-from-url-title = Installer depuis une adresse web
install-from-url-text = Granary télécharge le paquet, vérifie qui l’a signé et vous montre ce que c’est avant de l’installer.
install-next = Continuer
package-address = Adresse du paquet
app-packages = Paquets d’applications
drop-to-install = Relâchez pour installer
installations = Installations
installing = Installation de { $name }
install-asking = Demande du paquet…
install-handing-over = Transmission du fichier…
install-downloading = Téléchargement…
install-reading = Lecture du fichier…
install-checking = Vérification de la signature…
install-unpacking = Décompression…
install-done = { $name } est prête.
install-was-here = { $name } était déjà là.
install-upgraded = { $name } est maintenant en version { $version }.{ $moved ->
    [0] {""}
    [one] {" "}Un grain a suivi.
   *[other] {" "}{ $moved } grains ont suivi.
}
install-downgraded = { $name } est revenue à la version { $version }.

## An open grain

opening = Ouverture de { $name }…
is-in-trash = « { $name } » est dans la corbeille
is-in-trash-text = Il y est gardé 30 jours. Restauré, il sera comme avant.
restore-it = Le restaurer
no-such-grain = Ce grain n’existe pas
no-such-grain-text = Il a peut-être été supprimé, ou l’adresse est mal écrite.
grain-problem = Ce grain ne peut pas être affiché
check-computer = Vérifier cet ordinateur
see-storage = Voir ce qui prend de la place
last-words = Les dernières lignes de son journal
log-of = Journal de { $name }
log-close = Fermer le journal
log-alone = Ouvrir le journal dans son propre onglet
log-search = Chercher dans le journal
log-lines = { $count ->
    [one] { $count } ligne
   *[other] { $count } lignes
}
log-follow = Suivre
log-save = Enregistrer
log-nothing-found = Aucune ligne ne contient ces mots.
log-empty = Il n’a rien écrit.
log-empty-yet = Il n’a encore rien écrit.

## First steps

welcome = Bienvenue dans Granary
welcome-lead = Un chez-soi pour vos documents et les applications qui les font, sur cet ordinateur.
begin-with = Commencez par l’une d’elles
first-apps-coming = Les premières applications sont en cours de décompression. Elles apparaîtront ici dans un instant.
add-others = Vous pouvez en ajouter d’autres sous <link>Applications</link>.
what-is-grain = Qu’est-ce qu’un grain ?
grain-is-one = Un document
grain-is-one-text = Une note, un dossier de fichiers, un tableau. Chacun est un grain, avec sa propre application autour de lui.
grain-is-alone = À part
grain-is-alone-text = Un grain se voit lui-même et rien d’autre : aucun autre grain, aucun de vos fichiers, aucun réseau.
grain-is-yours = À vous
grain-is-yours-text = Il se trouve sur cet ordinateur. Pas de compte, et cela marche sans internet.
browser-warned = Le navigateur vous a mis en garde contre cette page ?
browser-warned-text = Granary parle à votre navigateur par une connexion chiffrée, avec un certificat fait sur cet ordinateur. Le navigateur ne le connaît pas encore. <link>Certificats et navigateurs</link>, dans les réglages, dit comment le lui faire connaître.
tour = Une visite
tour-offer = Nouveau ici ? Quatre courtes notes montrent où tout se trouve.
tour-begin = Faire la visite
tour-skip = Passer
tour-next = Suivant
tour-done = Terminé
tour-step = { $step } sur { $steps }
tour-apps = Les applications font des grains
tour-apps-text = Chaque application fait des documents d’une sorte. D’autres viennent de fichiers de paquets, ou du web.
tour-grains = Vos grains
tour-grains-text = Tout ce que vous avez fait, à retrouver par quelques lettres du nom. Ce que vous jetez attend dans la corbeille.
tour-palette = Le chemin rapide
tour-palette-text = Ctrl+K trouve de partout chaque grain, chaque page et chaque commande. Le point d’interrogation montre toutes les touches.
tour-settings = À votre goût
tour-settings-text = Langue, couleurs, espace, et si cet ordinateur a tout ce dont Granary a besoin.

## Logging in

log-in-earlier = Continuer avec la connexion précédente
log-in-opening = Ouverture de Granary…
open-again = Ouvrez Granary à nouveau
open-again-text = Granary est là, mais ce navigateur n’est pas connecté. Il n’y a pas de mot de passe : Granary ne s’ouvre que depuis votre propre compte sur cet ordinateur.
open-from-desktop = Depuis le bureau
open-from-desktop-text = Ouvrez Granary par son icône.
open-from-terminal = Depuis un terminal
open-from-terminal-text = Lancez <code>granary open</code> et suivez le lien. Il marche une fois, pendant une minute.
nothing-lost = Rien n’est perdu : vos grains sont où ils étaient.
clear-cookies = Effacer les cookies
clear-cookies-text = Effacer les cookies règle le problème et ne fait aucun mal à vos grains.
no-page = Il n’y a pas de page ici
no-page-text = L’adresse est peut-être mal écrite, ou ce vers quoi elle menait a disparu.

## Settings

settings-general = Général
settings-storage = Espace
settings-certificates = Certificats et navigateurs
settings-computer = Cet ordinateur
settings-about = À propos
language = Langue
language-auto = Celle du navigateur
theme = Couleurs
theme-system = Celles du bureau
theme-light = Claires
theme-dark = Sombres
your-name = Votre nom
your-name-text = Les applications le voient.
idle = Mettre en sommeil les grains inutilisés après
idle-text = Un grain en sommeil n’occupe pas de mémoire et se réveille dès qu’on l’utilise.
port = Port
port-text = Fait partie de l’adresse de Granary. Un nouveau port vaut dès le prochain démarrage ; il faudra alors se reconnecter.
install-local = Installer des applications depuis les adresses de votre réseau
install-local-text = Sinon, les adresses web de cet ordinateur et de son réseau sont refusées.
limits = Ce qu’un grain peut prendre
limits-text = Vaut pour un grain dès son prochain démarrage.
limit-memory = Mémoire
limit-memory-text = Davantage lui est refusé.
limit-storage-warning = Avertir à partir de cet espace
limit-storage-warning-text = Vous voyez un avis.
limit-storage = Arrêter à partir de cet espace
limit-storage-text = Il est arrêté tant que la limite n’est pas relevée.
limit-processes = Processus
limit-processes-text = Fils d’exécution compris.
limit-processor = Processeur
limit-processor-text = 100 est un processeur entier. Vide veut dire sans limite.
certificates-text = Les pages arrivent à votre navigateur par une connexion chiffrée, avec un certificat fait sur cet ordinateur. Il ne vaut que pour les noms de Granary ; personne ne peut s’en servir pour un autre site.
looking = Vérification…
look-again = Vérifier à nouveau
in-order = en ordre
needs-attention = demande votre attention
address = Adresse
data-folder = Dossier des données

## Looking at a package before it is installed

consent-new = Installer { $name } ?
consent-upgrade = Mettre { $name } à jour ?
consent-downgrade = Revenir à une version plus ancienne de { $name } ?
consent-sameVersion = Remplacer { $name } par une autre compilation ?
consent-reinstall = { $name } est déjà installée
consent-do-new = Installer
consent-do-upgrade = Mettre à jour
consent-do-downgrade = Revenir
consent-do-sameVersion = Remplacer
consent-do-reinstall = Terminé
consent-downgrade-text = { $count ->
    [0] Cette version est plus ancienne que celle qui est ici.
    [one] Cette version est plus ancienne que celle qui est ici. Un grain garde la plus récente.
   *[other] Cette version est plus ancienne que celle qui est ici. { $count } grains gardent la plus récente.
}
consent-author-changed = La version qui est ici porte la signature d’un autre auteur, ou aucune. La clé de l’application est la même, mais rien ne prouve que l’auteur le soit.
consent-may = Elle peut
consent-may-not = Chacun de ses grains est fermé : aucun réseau, aucun de vos fichiers, aucun autre grain, sauf ce que vous lui confiez.
consent-upgrade-grains = { $count ->
    [one] Faire passer son grain à cette version
   *[other] Faire passer ses { $count } grains à cette version
}
asks-own-folder = garder des données dans un dossier à elle, un par grain
asks-api = servir d’autres programmes auxquels vous donnez une clé
asks-offers = offrir à d’autres grains ce que vous reliez : { $names }
asks-takes = prendre ce qu’offrent d’autres grains quand vous les reliez
asks-identities = retenir qui sont ses visiteurs
asks-roles = être partagée avec des rôles : { $names }
version-from-to = { $from } → { $to }
licence = Licence
licence-openSource = Libre
licence-proprietary = Fermée
licence-publicDomain = Domaine public
install-changing-over = Installation…
install-waits = Il est vérifié et attend votre réponse.
install-gone = Il n’y a rien à installer ici
install-gone-text = Le paquet a été installé ou annulé, ou il a attendu trop longtemps une réponse. Ouvrez le fichier à nouveau.
look-at-it = Voir
go-to-app = Aller à { $name }

## More about an app

older-grains = { $count ->
    [one] Un grain utilise une version plus ancienne.
   *[other] { $count } grains utilisent une version plus ancienne.
}
newer-grains = { $count ->
    [one] Un grain utilise une version plus récente, et la garde.
   *[other] { $count } grains utilisent une version plus récente, et la gardent.
}
upgrade-grains = Mettre les grains à jour
grains-upgraded = { $count ->
    [one] Un grain utilisera la version actuelle dès son prochain démarrage
   *[other] { $count } grains utiliseront la version actuelle dès leur prochain démarrage
}
links = Liens
link-website = Site web
link-code = Code source
description = Description
change-log = Ce qui a changé
versions = Versions sur cet ordinateur
version-current = actuelle
version-line = { $count ->
    [0] depuis le { $date }, aucun grain
    [one] depuis le { $date }, { $count } grain
   *[other] depuis le { $date }, { $count } grains
}

## Notifications

notifications = Notifications
notifications-clear = Tout effacer
unread = { $count ->
    [one] { $count } nouvelle
   *[other] { $count } nouvelles
}
times = { $count }×
dismiss = Effacer
dismiss-one = Effacer : { $name }
no-notifications = Il ne s’est rien passé
no-notifications-text = Quand un grain échoue, remplit son espace, ou qu’un paquet vous attend, c’est dit ici.

## More settings

desktop = Bureau
open-grains-in = Ouvrir les grains
open-grains-in-window = dans leurs propres fenêtres
open-grains-in-browser = dans le navigateur
switch-restoreWindows = Ramener les fenêtres
switch-restoreWindows-text = Les fenêtres ouvertes le sont à nouveau après un redémarrage.
switch-startAtLogin = Démarrer avec le bureau
switch-startAtLogin-text = Granary est prêt dès que vous ouvrez votre session sur cet ordinateur.
switch-closeToTray = Continuer dans la barre
switch-closeToTray-text = La dernière fenêtre fermée, Granary et ses grains continuent.
switch-desktopNotifications = Notifications du bureau
switch-desktopNotifications-text = Sinon, elles ne sont que dans la liste.
switch-developerTools = Outils de développement
switch-developerTools-text = Pour qui écrit des applications.
software-rendering = Dessiner sans la carte graphique
software-rendering-text = Une issue quand les fenêtres restent vides ou scintillent. Vaut dès le prochain démarrage.
software-rendering-auto = Granary décide
software-rendering-on = Toujours
software-rendering-off = Jamais
in-own-window = Ce grain a sa propre fenêtre
in-own-window-text = Elle est passée devant, ou va le faire.
show-window = Montrer sa fenêtre
storage-grains = Grains
storage-trash = Corbeille
storage-apps = Applications
storage-database = Listes et réglages
storage-free = Libre sur ce disque
storage-free-of = { $free } sur { $all }
storage-by-grain = Chaque grain
store-chromium = Chromium, Chrome et leurs proches
store-firefox = Firefox
store-system = Tout le système
store-state-trusted = fait confiance à Granary
store-state-notTrusted = ne le connaît pas encore
store-state-missingTool = il manque un programme
store-state-failed = cela n’a pas marché
no-stores = Aucun navigateur n’a été trouvé.
certificates-install = Leur faire connaître Granary
certificates-remove = Revenir en arrière
certificates-restart = Les navigateurs le remarquent après un redémarrage. La liste de tout le système demande un administrateur : la ligne de commande dit comment.
made-of = Fait du travail d’autres
made-of-text = { $count ->
    [0] Granary est fait du travail de beaucoup de gens.
    [one] Granary contient { $count } composant d’autres personnes.
   *[other] Granary contient { $count } composants d’autres personnes.
}
made-of-search = Chercher par nom ou licence
licence-text = Texte
