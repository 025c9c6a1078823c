package core

import (
	"strconv"
	"strings"
	"time"
)

// Period is how items are grouped into time steps. The zero value makes one step per instant.
type Period struct {
	kind     periodKind
	length   int64  // microseconds of a fixed period, months of a calendar one
	property string // of a grouping by property
}

type periodKind int

const (
	byInstant periodKind = iota
	byFixed
	byISOWeek
	byMonths
	bySolarDay
	byID
	byProperty
)

const (
	second = int64(1e6)
	minute = 60 * second
	hour   = 60 * minute
	day    = 24 * hour
	week   = 7 * day

	// epoch2000 is 2000-01-01T00:00Z, where periods start counting; mondayEpoch is a Monday,
	// 2000-01-03, where ISO weeks do.
	epoch2000   = 946684800 * second
	mondayEpoch = epoch2000 + 2*day
	// maxPeriod keeps the arithmetic of labels far from overflow: 10,000 years.
	maxPeriod = 3652500 * day
)

// ParsePeriod reads a time_period argument: "" (each instant), an ISO 8601 duration ("PT6H", "P5D",
// "P1W", "P3M", "P1Y"), "solar_day", "id", or else the name of an item property.
func ParsePeriod(text string) (Period, error) {
	switch text {
	case "":
		return Period{}, nil
	case "solar_day":
		return Period{kind: bySolarDay}, nil
	case "id":
		return Period{kind: byID}, nil
	case "P1W":
		return Period{kind: byISOWeek, length: week}, nil
	}
	if !looksLikeDuration(text) {
		return Period{kind: byProperty, property: text}, nil
	}
	micros, months, ok := parseDuration(text)
	switch {
	case !ok || (micros == 0 && months == 0):
		return Period{}, Errorf(InvalidArgument, "TimePeriod",
			"time_period %.40q is not an ISO 8601 duration such as PT6H, P5D, P1W, P3M or P1Y", text)
	case micros > 0 && months > 0:
		return Period{}, Errorf(InvalidArgument, "TimePeriod",
			"time_period %.40q mixes months with days: give whole months or years, or days and smaller units", text)
	case months > 0:
		return Period{kind: byMonths, length: months}, nil
	}
	return Period{kind: byFixed, length: micros}, nil
}

// Property is the item property whose values group the items, or "".
func (p Period) Property() string { return p.property }

// Start gives the start of the period that holds the instant, in microseconds. lon, in degrees east,
// matters to solar days only: theirs is the midnight that labels the solar date. For groupings that
// are not periods of time it is the instant itself.
func (p Period) Start(micros int64, lon float64) int64 {
	switch p.kind {
	case byFixed:
		return epoch2000 + floorDiv(micros-epoch2000, p.length)*p.length
	case byISOWeek:
		return mondayEpoch + floorDiv(micros-mondayEpoch, week)*week
	case byMonths:
		t := time.UnixMicro(micros).UTC()
		months := int64(t.Year()-2000)*12 + int64(t.Month()) - 1
		first := floorDiv(months, p.length) * p.length
		return time.Date(2000, time.Month(1+first), 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	case bySolarDay:
		// Whole hours, cut towards zero, as odc-stac: steps must agree with what its users know.
		local := micros + int64(lon/15)*hour
		return floorDiv(local, day) * day
	}
	return micros
}

// looksLikeDuration tells a misspelt duration from the name of a property.
func looksLikeDuration(text string) bool {
	rest, ok := strings.CutPrefix(text, "P")
	if !ok {
		return false
	}
	rest = strings.TrimPrefix(rest, "T")
	return rest == "" || (rest[0] >= '0' && rest[0] <= '9')
}

// parseDuration reads an ISO 8601 duration of whole numbers, as microseconds and calendar months.
func parseDuration(text string) (micros, months int64, ok bool) {
	date, clock, hasClock := strings.Cut(text[1:], "T")
	if hasClock && clock == "" {
		return 0, 0, false
	}
	micros, months, ok = addUnits(date, map[byte]int64{'W': week, 'D': day}, map[byte]int64{'Y': 12, 'M': 1})
	if !ok {
		return 0, 0, false
	}
	more, _, ok := addUnits(clock, map[byte]int64{'H': hour, 'M': minute, 'S': second}, nil)
	return micros + more, months, ok && micros+more <= maxPeriod && months <= 12*10000
}

// addUnits sums "number unit" pairs.
func addUnits(text string, fixed, calendar map[byte]int64) (micros, months int64, ok bool) {
	for text != "" {
		n := strings.IndexFunc(text, func(r rune) bool { return r < '0' || r > '9' })
		if n < 1 {
			return 0, 0, false
		}
		count, err := strconv.ParseInt(text[:n], 10, 32)
		if err != nil {
			return 0, 0, false
		}
		if length, found := fixed[text[n]]; found {
			if count > maxPeriod/length {
				return 0, 0, false
			}
			micros += count * length
		} else if length, found := calendar[text[n]]; found {
			months += count * length
		} else {
			return 0, 0, false
		}
		text = text[n+1:]
	}
	return micros, months, true
}
