// A service that greets whoever asks: GET /?name=Ada
package main

import (
	"fmt"
	"log"
	"net/http"

	"example.com/service/greeting"
)

func main() {
	http.HandleFunc("/", func(answer http.ResponseWriter, question *http.Request) {
		fmt.Fprintln(answer, greeting.For(question.URL.Query().Get("name")))
	})
	log.Fatal(http.ListenAndServe("127.0.0.1:8080", nil))
}
