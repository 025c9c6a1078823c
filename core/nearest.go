package core

import (
	"cmp"
	"slices"
	"strings"
)

// NearestNames gives up to five names that a misspelt one may stand for, the likeliest first: the same but
// for case or prefix ("cloud_cover" for "eo:cloud_cover"), or few letters away.
func NearestNames(name string, names []string) []string {
	type match struct {
		name     string
		distance int
	}
	if len(name) > 200 {
		return nil
	}
	bare := func(s string) string {
		s = strings.ToLower(s)
		return s[strings.LastIndexAny(s, ":.")+1:]
	}
	var matches []match
	for _, candidate := range names {
		d := editDistance(strings.ToLower(name), strings.ToLower(candidate))
		d = min(d, 1+editDistance(bare(name), bare(candidate)))
		if len(name) >= 3 && strings.Contains(strings.ToLower(candidate), strings.ToLower(name)) {
			d = min(d, 1)
		}
		if d <= max(1, min(len(name), len(candidate))/3) {
			matches = append(matches, match{candidate, d})
		}
	}
	slices.SortStableFunc(matches, func(a, b match) int {
		return cmp.Or(cmp.Compare(a.distance, b.distance), cmp.Compare(a.name, b.name))
	})
	var out []string
	for _, m := range matches[:min(5, len(matches))] {
		out = append(out, m.name)
	}
	return out
}

// editDistance is the number of letters to insert, delete, replace or swap with their neighbour.
func editDistance(a, b string) int {
	before, row, next := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		next[0] = i + 1
		for j := range len(b) {
			cost := row[j]
			if a[i] != b[j] {
				cost++
			}
			next[j+1] = min(cost, next[j]+1, row[j+1]+1)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				next[j+1] = min(next[j+1], before[j-1]+1)
			}
		}
		before, row, next = row, next, before
	}
	return row[len(b)]
}
