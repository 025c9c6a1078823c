package core

import (
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
)

// hrefSchemes are what an href of a catalog may begin with: what stores read. No scheme, and file, are paths.
var hrefSchemes = []string{"https", "http", "s3", "s3a", "gs", "gcs", "az", "azure", "abfs", "abfss", "file"}

// CheckHref refuses what an href of a catalog must not be, whoever made the catalog: text that could end
// a line of a request, GDAL's virtual paths and driver prefixes, a password in a URL, a scheme that no
// store reads. A catalog that came over the network names no local file either: catalog is its location,
// "" where the caller brought the items along. Which addresses a URL may lead to is checked when it is
// connected to.
func CheckHref(href, catalog string) error {
	switch {
	case href == "":
		return errors.New("it is empty")
	case !OneLine(href):
		return errors.New("it has a NUL, a carriage return or a line feed")
	case len(href) >= 4 && strings.EqualFold(href[:4], "/vsi"):
		return errors.New("paths of GDAL's virtual file systems are not read")
	}
	name, rest, isURL := strings.Cut(href, "://")
	if !isURL || name == "" || strings.ContainsAny(name, "/?#") {
		return checkPath(href, catalog)
	}
	scheme := strings.ToLower(name)
	if !slices.Contains(hrefSchemes, scheme) {
		return fmt.Errorf("no store reads %q; those that work are %s and paths", name, strings.Join(hrefSchemes, ", "))
	}
	if scheme == "file" {
		return checkLocal(catalog)
	}
	// abfs has its container before an @; no other scheme has anything but a name and password there.
	authority := rest
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		authority = rest[:end]
	}
	user, _, has := strings.Cut(authority, "@")
	container := strings.HasPrefix(scheme, "abfs") || scheme == "az" || scheme == "azure"
	if has && (!container || strings.Contains(user, ":")) {
		return errors.New("it has a user name or a password in it")
	}
	return nil
}

// OneLine tells whether a text has nothing in it that could end a line of a request, or a C string.
func OneLine(text string) bool {
	return strings.IndexByte(text, '\n') < 0 && strings.IndexByte(text, '\r') < 0 && strings.IndexByte(text, 0) < 0
}

func checkPath(href, catalog string) error {
	first, _, _ := strings.Cut(href, "/")
	if driver, _, ok := strings.Cut(first, ":"); ok && len(driver) > 1 && isDriver(driver) {
		return fmt.Errorf("it begins with %s:, as GDAL's drivers and not as files do", driver)
	}
	return checkLocal(catalog)
}

func isDriver(name string) bool {
	return !strings.ContainsFunc(name, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z') && (r < '0' || r > '9') && r != '_'
	})
}

// checkLocal refuses a path of this machine where the catalog is not on it.
func checkLocal(catalog string) error {
	if scheme, _, ok := strings.Cut(catalog, "://"); ok && !strings.EqualFold(scheme, "file") {
		return errors.New("a catalog that came over the network may not name files of this machine")
	}
	return nil
}

// ClimbsOut tells whether a relative href leads above the root of the folder that it is relative to. A
// folder that does not begin with a slash has no root that is known.
func ClimbsOut(folder, href string) bool {
	if strings.HasPrefix(href, "/") || !strings.HasPrefix(folder, "/") {
		return false
	}
	clean := path.Clean(strings.TrimLeft(folder, "/") + href)
	return clean == ".." || strings.HasPrefix(clean, "../")
}
