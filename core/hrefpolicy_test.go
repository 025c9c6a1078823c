package core

import (
	"strings"
	"testing"
)

func TestCheckHref(t *testing.T) {
	const remote, local = "https://catalogs.example/c.parquet", "/data/c.parquet"
	for _, c := range []struct{ href, catalog, refused string }{
		{"https://host/a.tif?sig=x&se=y", remote, ""},
		{"http://host/a.tif", remote, ""},
		{"HTTPS://host/a.tif", remote, ""},
		{"s3://bucket/key with space.tif", remote, ""},
		{"abfs://container@account.dfs.core.windows.net/a.tif", remote, ""},
		{"az://container/a@b.tif", remote, ""},
		{"https://host/@v1/a.tif?mail=a@b", remote, ""},
		{"/data/a.tif", local, ""},
		{"/data/a.tif", "", ""},
		{"file:///data/a.tif", local, ""},
		{"/data/a.tif", "file:///data/c.parquet", ""},
		{"/data/12:30/a.tif", local, ""},
		{"C:/data/a.tif", local, ""},
		{"", local, "empty"},
		{"https://host/a.tif\r\nX: y", remote, "line feed"},
		{"a\x00b", local, "NUL"},
		{"/vsicurl/http://host/a.tif", local, "virtual"},
		{"/VSIS3/bucket/a.tif", local, "virtual"},
		{"GTIFF_DIR:2:/data/a.tif", local, "GTIFF_DIR"},
		{"MEM:::DATAPOINTER=1", local, "MEM"},
		{"https://user:password@host/a.tif", remote, "password"},
		{"https://user@host?a", local, "password"},
		{"abfs://a:b@account/x", remote, "password"},
		{"ftp://host/a.tif", local, "no store"},
		{"wasbs://container@account.blob.core.windows.net/a.tif", local, "no store"},
		{"vrt:///etc/passwd", local, "no store"},
		{"/etc/passwd", remote, "network"},
		{"file:///etc/passwd", remote, "network"},
		{"FILE:///etc/passwd", "s3://bucket/c.parquet", "network"},
	} {
		err := CheckHref(c.href, c.catalog)
		if (err == nil) != (c.refused == "") || err != nil && !strings.Contains(err.Error(), c.refused) {
			t.Errorf("%q of %q: %v, want %q", c.href, c.catalog, err, c.refused)
		}
		if err != nil && strings.Contains(err.Error(), "user:password") {
			t.Errorf("%v shows the password", err)
		}
	}
}

func TestClimbsOut(t *testing.T) {
	for _, c := range []struct {
		folder, href string
		out          bool
	}{
		{"/a/b/", "../x.tif", false}, {"/a/b/", "../../x.tif", false}, {"/a/b/", "../../../x.tif", true},
		{"/", "..", true}, {"/", "x/../y.tif", false}, {"/a/", "x/../../../y", true}, {"/a/", "/../x", false},
		{"", "../x", false}, {"a/", "../../x", false},
	} {
		if got := ClimbsOut(c.folder, c.href); got != c.out {
			t.Errorf("%s from %s: %v", c.href, c.folder, got)
		}
	}
}
