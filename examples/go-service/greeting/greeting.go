// Package greeting says hello.
package greeting

import "strings"

// For greets by name, and the world where nobody is named.
func For(name string) string {
	name = strings.TrimSpace(name)
	if name == "" {
		name = "world"
	}
	return "Hello, " + name + "!"
}
