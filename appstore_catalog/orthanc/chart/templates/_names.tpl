{{/* Names and labels. The selector labels never change: a Deployment's selector is immutable. */}}
{{- define "orthanc.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 48 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 48 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{- define "orthanc.database" -}}
{{- printf "%s-postgresql" (include "orthanc.fullname" .) -}}
{{- end -}}

{{- define "orthanc.labels" -}}
app.kubernetes.io/name: orthanc
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: orthanc
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "orthanc.selector" -}}
app.kubernetes.io/name: orthanc
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{/* What every pod here has: no rights, no token, nothing to write on but what is mounted. */}}
{{- define "orthanc.pod" -}}
automountServiceAccountToken: false
enableServiceLinks: false
serviceAccountName: {{ include "orthanc.fullname" . }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets:
  {{- toYaml . | nindent 2 }}
{{- end }}
securityContext:
  runAsNonRoot: true
  runAsUser: 10001
  runAsGroup: 10001
  fsGroup: 10001
  fsGroupChangePolicy: OnRootMismatch
  seccompProfile:
    type: RuntimeDefault
{{- end -}}

{{- define "orthanc.container" -}}
imagePullPolicy: {{ .Values.imagePullPolicy }}
securityContext:
  allowPrivilegeEscalation: false
  privileged: false
  readOnlyRootFilesystem: true
  capabilities:
    drop: [ALL]
{{- end -}}

{{/* The probes' own user: it follows from the database password, so it needs no question and stays. */}}
{{- define "orthanc.probePassword" -}}
{{- printf "%s/probe/%s" .Values.database.password .Release.Name | sha256sum | trunc 40 -}}
{{- end -}}
