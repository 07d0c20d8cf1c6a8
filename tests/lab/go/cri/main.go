// cri pulls one image as a kubelet does: over the CRI, by the name that a pod has for it.
//
//	cri SOCKET IMAGE
//
// prints what the runtime calls the image it now has.
package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	cri "k8s.io/cri-api/pkg/apis/runtime/v1"
)

const patience = 60 * time.Second

func pull(socket, image string) (string, error) {
	connection, err := grpc.NewClient("unix://"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		return "", err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	request := &cri.PullImageRequest{Image: &cri.ImageSpec{Image: image}}
	answer, err := cri.NewImageServiceClient(connection).PullImage(ctx, request)
	if err != nil {
		return "", err
	}
	return answer.ImageRef, nil
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: cri SOCKET IMAGE")
		os.Exit(2)
	}
	reference, err := pull(os.Args[1], os.Args[2])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println(reference)
}
