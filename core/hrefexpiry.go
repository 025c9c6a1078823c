package core

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// stampLayout is the time of a V4 signature, in UTC.
const stampLayout = "20060102T150405Z"

// HrefExpiry gives the moment at which the signature in an href's query ends, by the signature's own
// account: Azure's se; X-Amz-Date and X-Amz-Expires, and the same of X-Goog; Expires in seconds since
// 1970 (CloudFront, V2 signatures of S3 and Cloud Storage). known is false where the query has none of
// these, or none that can be read.
func HrefExpiry(href string) (end time.Time, known bool) {
	_, query, ok := strings.Cut(href, "?")
	if !ok {
		return time.Time{}, false
	}
	query, _, _ = strings.Cut(query, "#")
	found := map[string]string{}
	for part := range strings.SplitSeq(query, "&") {
		name, value, _ := strings.Cut(part, "=")
		if text, err := url.QueryUnescape(value); err == nil {
			found[strings.ToLower(name)] = text
		}
	}
	for _, vendor := range []string{"x-amz-", "x-goog-"} {
		start, err := time.Parse(stampLayout, found[vendor+"date"])
		seconds, bad := strconv.ParseInt(found[vendor+"expires"], 10, 32)
		if err == nil && bad == nil && seconds > 0 {
			return start.Add(time.Duration(seconds) * time.Second), true
		}
	}
	if _, sas := found["sig"]; sas {
		return azureTime(found["se"])
	}
	if seconds, err := strconv.ParseInt(found["expires"], 10, 64); err == nil && seconds > 0 && seconds < 1<<40 {
		return time.Unix(seconds, 0), true
	}
	return time.Time{}, false
}

// azureTime reads the forms of ISO 8601 that a shared access signature may have.
func azureTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00", time.DateOnly} {
		if end, err := time.Parse(layout, text); err == nil {
			return end, true
		}
	}
	return time.Time{}, false
}
