package main

// access is how the stages that read files are to reach them. Python passes the variables of its
// environment along, since Go sees only those that the process was started with.
type access struct {
	Storage     map[string]map[string]any `json:"storage"` // options by URL prefix, in obstore's names
	Environment map[string]string         `json:"environment"`
}
