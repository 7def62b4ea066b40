# What the scripts beside this one share. Source it: . "$(dirname "$0")/apt.sh"

# again runs a command, and once more if it fails: registries have bad moments.
again() { "$@" || { sleep 5 && "$@"; }; }

# apt_install installs Debian packages, as root or through sudo, and says which are missing if it cannot.
apt_install() {
	missing=
	for package; do
		dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing="$missing $package"
	done
	[ -z "$missing" ] && return
	sudo=
	[ "$(id -u)" = 0 ] || sudo=$(command -v sudo) || { echo "please install, as root:$missing" >&2; return 1; }
	again $sudo apt-get update -qq &&
		again $sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends -o Dpkg::Use-Pty=0 $missing >/dev/null ||
		{ echo "cannot install with apt-get:$missing" >&2; return 1; }
}

# apt_depends prints the name of the package that a package depends on and whose name begins with a word.
apt_depends() {
	apt-cache depends "$1" | sed -n "s/^ *Depends: \($2.*\)/\1/p" | head -n 1
}
