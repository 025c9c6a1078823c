package core

import (
	"testing"
	"time"
)

func TestHrefExpiry(t *testing.T) {
	at := time.Date(2025, 6, 1, 12, 30, 0, 0, time.UTC)
	for href, want := range map[string]time.Time{
		"https://host/a.tif?sv=2021&se=2025-06-01T12%3A30%3A00Z&sig=abc":                 at,
		"https://host/a.tif?se=2025-06-01T12:30Z&sig=abc":                                at,
		"https://host/a.tif?se=2025-06-02&sig=abc":                                       time.Date(2025, 6, 2, 0, 0, 0, 0, time.UTC),
		"https://host/a.tif?X-Amz-Date=20250601T120000Z&X-Amz-Expires=1800&X-Amz-Sig=x":  at,
		"https://host/a.tif?x-goog-date=20250601T122900Z&x-goog-expires=60&x-goog-sig=x": at,
		"https://host/a.tif?Expires=1748781000&Signature=x&Key-Pair-Id=K#part":           at,
		"https://host/a.tif":                                                              {},
		"https://host/a.tif?version=3":                                                    {},
		"https://host/a.tif?se=tomorrow&sig=abc":                                          {},
		"https://host/a.tif?se=2025-06-01T12:30Z":                                         {}, // no signature: some other se
		"https://host/a.tif?X-Amz-Date=20250601T120000Z&X-Amz-Expires=-5":                 {},
		"https://host/a.tif?X-Amz-Date=x&X-Amz-Expires=99999999999999999999":              {},
		"https://host/a.tif?Expires=99999999999999999999&Signature=x":                     {},
		"https://host/a.tif?X-Amz-Expires=60&Expires=1748781000&Signature=%zz&%zz=1&&&=&": at,
	} {
		got, known := HrefExpiry(href)
		if known == want.IsZero() || !got.Equal(want) {
			t.Errorf("%s: %v, %v; want %v", href, got, known, want)
		}
	}
}
