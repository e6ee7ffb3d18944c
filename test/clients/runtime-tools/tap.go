// Package tap writes the Test Anything Protocol. It stands in for github.com/mndrix/tap-go, which Debian does not have: what the
// validation programs of runtime-tools use of it.
package tap

import (
	"encoding/json"
	"fmt"
)

// T counts the tests of one program.
type T struct {
	count  *int
	isTodo bool
}

// New begins with test 1.
func New() *T {
	return &T{count: new(int)}
}

// Header says how many tests there will be; 0 leaves that for AutoPlan.
func (t *T) Header(planned int) {
	fmt.Println("TAP version 13")
	if planned > 0 {
		fmt.Printf("1..%d\n", planned)
	}
}

// AutoPlan says how many tests there were.
func (t *T) AutoPlan() {
	fmt.Printf("1..%d\n", *t.count)
}

// Todo is the same harness for tests that are known to fail.
func (t *T) Todo() *T {
	return &T{count: t.count, isTodo: true}
}

// Ok tells of one test.
func (t *T) Ok(isOk bool, description string) {
	*t.count++
	verdict, directive := "ok", ""
	if !isOk {
		verdict = "not ok"
	}
	if t.isTodo {
		directive = " # TODO"
	}
	fmt.Printf("%s %d%s - %s\n", verdict, *t.count, directive, description)
}

// Pass tells of a test that has passed.
func (t *T) Pass(description string) {
	t.Ok(true, description)
}

// Fail tells of a test that has failed.
func (t *T) Fail(description string) {
	t.Ok(false, description)
}

// Skip tells of tests that were not made.
func (t *T) Skip(tests int, why string) {
	for i := 0; i < tests; i++ {
		*t.count++
		fmt.Printf("ok %d # SKIP %s\n", *t.count, why)
	}
}

// Diagnostic adds a comment.
func (t *T) Diagnostic(text string) {
	fmt.Printf("# %s\n", text)
}

// Diagnosticf adds a comment.
func (t *T) Diagnosticf(format string, values ...interface{}) {
	t.Diagnostic(fmt.Sprintf(format, values...))
}

// YAML adds a value to the last test; JSON is YAML.
func (t *T) YAML(value interface{}) error {
	text, err := json.MarshalIndent(value, "  ", "  ")
	if err != nil {
		return err
	}
	fmt.Printf("  ---\n  %s\n  ...\n", text)
	return nil
}
