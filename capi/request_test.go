package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"cogweave/core"
)

func wantError(t *testing.T, err error, class core.Class, reason, mention string) {
	t.Helper()
	var e *core.Error
	if !errors.As(err, &e) || e.Class != class || e.Reason != reason || !strings.Contains(e.Message, mention) {
		t.Fatalf("error %v, want %s/%s about %q", err, class, reason, mention)
	}
}

func TestDecodeNamesWhatIsWrong(t *testing.T) {
	for _, c := range []struct{ request, reason, mention string }{
		{`{"stepz": true}`, "UnknownKey", `"stepz"`},
		{`{"steps": 3}`, "Request", "steps cannot be a JSON number"},
		{`{"steps": tru}`, "Request", "not valid"},
		{`{"steps": true`, "Request", "EOF"},
		{`{"steps": true} {}`, "Request", "after"},
		{`[]`, "Request", "not valid"},
		{`null`, "Request", "not a JSON object"},
		{``, "Request", "EOF"},
		{`{"steps": NaN}`, "Request", "not valid"},
	} {
		var r readRequest
		wantError(t, decode("read", c.request, &r), core.InvalidArgument, c.reason, c.mention)
	}
	var r readRequest
	if err := decode("read", ` {"steps": true, "report": null} `, &r); err != nil || !r.Steps || r.Report {
		t.Fatalf("%+v, %v", r, err)
	}
}

func TestStageRequests(t *testing.T) {
	var s searchRequest
	err := decode("search", `{"source": ["a.parquet"], "bbox": [1, 2, 3, 4], "region": {"crs": "EPSG:32633", "bbox": [0, 0, 1, 1]},
		"intersects": {"type": "Point", "coordinates": [0, 0]}, "datetime": "2025-06", "ids": ["x"], "collections": [],
		"filter": "a = 1", "sortby": [{"field": "p", "direction": "desc"}, {"field": "q"}], "limit": 5,
		"storage": {"s3://b": {"anonymous": true}}}`, &s)
	if err != nil {
		t.Fatal(err)
	}
	q, err := s.query()
	if err != nil {
		t.Fatal(err)
	}
	if *q.BBox != [4]float64{1, 2, 3, 4} || q.Limit != 5 || len(q.SortBy) != 2 || !q.SortBy[0].Descending || q.SortBy[1].Descending ||
		q.IDs[0] != "x" || q.Collections == nil || string(q.Filter) != `"a = 1"` || q.Start == nil || q.End == nil || s.Storage["s3://b"]["anonymous"] != true {
		t.Fatalf("%+v", q)
	}
	outline, err := s.outline()
	if err != nil || len(outline.Rings) != 1 || len(outline.Rings[0]) < 5 {
		t.Fatalf("outline %v, %v", outline, err)
	}

	for request, reason := range map[string]string{
		`{"sortby": [{"field": "p", "direction": "up"}]}`: "SortBy",
		`{"limit": 0}`:  "Limit",
		`{"limit": -3}`: "Limit",
	} {
		var s searchRequest
		if err := decode("search", request, &s); err != nil {
			t.Fatal(err)
		}
		_, err := s.query()
		wantError(t, err, core.InvalidArgument, reason, "")
	}
	var none searchRequest
	if err := decode("search", `{"filter": null, "bbox": null, "ids": null, "limit": null}`, &none); err != nil {
		t.Fatal(err)
	}
	if q, err := none.query(); err != nil || q.Filter != nil || q.BBox != nil || q.IDs != nil || q.Limit != 0 {
		t.Fatalf("%+v, %v", q, err)
	}

	var p planRequest
	err = decode("plan", `{"grid": {"crs": "EPSG:32633", "transform": [10, 0, 5, 0, -10, 6], "shape": [2, 3]}, "bands": ["red"],
		"nodata": "nan", "resampling": {"*": "cubic"}, "overviews": false, "per_band": true, "storage": {}}`, &p)
	if err != nil || p.Grid.CRS != "EPSG:32633" || p.Bands[0] != "red" || !p.PerBand {
		t.Fatalf("%+v, %v", p, err)
	}
	wantError(t, decode("plan", `{"grid": {"crs": "x", "scale": 1}}`, &p), core.InvalidArgument, "UnknownKey", "scale")
}

func TestErrorText(t *testing.T) {
	e := core.Errorf(core.AssetError, "RangeMismatch", "GET https://u:p@host/a.tif?sig=SECRET gave another range: %w", errors.New("https://host/b?key=SECRET"))
	e.ItemID, e.Band, e.Argument, e.Attempts, e.Range = "i", "red", "bands", 3, &core.ByteRange{Start: 5, End: 9}
	var got map[string]any
	text := encodeError(e.WithHref("https://host/a.tif?sig=SECRET"))
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(string(text), "SECRET") {
		t.Fatalf("a secret is shown: %s", text)
	}
	want := map[string]any{"class": "AssetError", "reason": "RangeMismatch", "item_id": "i", "band": "red", "argument": "bands", "attempts": 3.0, "href": "https://host/a.tif?..."}
	for key, value := range want {
		if got[key] != value {
			t.Errorf("%s = %v, want %v", key, got[key], value)
		}
	}
	if r := got["byte_range"].([]any); r[0] != 5.0 || r[1] != 9.0 {
		t.Errorf("byte_range %v", r)
	}
	if got["cause"] == nil || got["message"] == nil {
		t.Errorf("%s", text)
	}

	if err := json.Unmarshal(encodeError(errors.New("foreign")), &got); err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"item_id", "band", "argument", "href", "byte_range"} {
		if v, ok := got[key]; !ok || v != nil {
			t.Errorf("%s = %v, want null", key, v)
		}
	}
	if got["class"] != "CogweaveError" || got["message"] != "foreign" {
		t.Errorf("%v", got)
	}
}

func TestStorageOptionsThatNobodyWouldUseAreRefused(t *testing.T) {
	var h headersRequest
	if err := decode("headers", `{"storage": {"s3://b": {"region": "x", "acess_key_id": "SECRET"}}}`, &h); err != nil {
		t.Fatal(err)
	}
	err := h.access.check("")
	wantError(t, err, core.InvalidArgument, "Storage", "s3://b")
	if !strings.Contains(err.Error(), "access_key_id") || strings.Contains(err.Error(), "SECRET") {
		t.Error(err)
	}
	fine := access{Storage: map[string]map[string]any{"s3://c": {}, "gs://": {"anonymous": true}}}
	if err := fine.check(""); err != nil {
		t.Fatal(err)
	}
}
