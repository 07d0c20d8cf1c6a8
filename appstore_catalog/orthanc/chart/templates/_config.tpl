{{/* orthanc.json, without anything secret. */}}
{{- define "orthanc.config" -}}
{{- $modalities := dict -}}
{{- range .Values.orthanc.modalities -}}
{{- $_ := set $modalities .name (list .aeTitle .host (int .port)) -}}
{{- end -}}
{{- $plugins := list
  "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
  "/usr/share/orthanc/plugins/libOrthancGdcm.so"
  "/usr/share/orthanc/plugins/libOrthancPostgreSQLIndex.so"
  "/usr/share/orthanc/plugins/libOrthancWebViewer.so" -}}
{{- $open := not .Values.orthanc.onlyListed -}}
{{- dict
  "Name" .Values.orthanc.name
  "StorageDirectory" "/var/lib/orthanc"
  "IndexDirectory" "/var/lib/orthanc"
  "TemporaryDirectory" "/tmp"
  "Plugins" $plugins
  "LuaScripts" (list "/etc/champ/access.lua")
  "HttpPort" 8042
  "RemoteAccessAllowed" true
  "AuthenticationEnabled" true
  "HttpDescribeErrors" true
  "HttpsCACertificates" "/etc/ssl/certs/ca-certificates.crt"
  "ExecuteLuaEnabled" false
  "DicomPort" 4242
  "DicomAet" .Values.orthanc.aeTitle
  "DicomCheckCalledAet" false
  "DicomCheckModalityHost" false
  "DicomAlwaysAllowEcho" true
  "DicomAlwaysAllowStore" $open
  "DicomModalities" $modalities
  "DefaultEncoding" .Values.orthanc.encoding
  "DicomWeb" (dict "Enable" true "Root" "/dicom-web/" "EnableWado" true)
  "WebViewer" (dict "CachePath" "/tmp/viewer" "CacheSize" 200)
| toPrettyJson -}}
{{- end -}}

{{/* secrets.json, which Orthanc joins with orthanc.json. */}}
{{- define "orthanc.secretConfig" -}}
{{- $users := dict "champ-probe" (include "orthanc.probePassword" .) -}}
{{- range .Values.orthanc.users -}}
{{- $_ := set $users .name .password -}}
{{- end -}}
{{- dict
  "RegisteredUsers" $users
  "PostgreSQL" (dict
    "EnableIndex" true
    "EnableStorage" false
    "EnableSsl" false
    "Host" (include "orthanc.database" .)
    "Port" 5432
    "Database" "orthanc"
    "Username" "orthanc"
    "Password" .Values.database.password
    "Lock" true
    "MaximumConnectionRetries" 10
    "ConnectionRetryInterval" 5)
| toPrettyJson -}}
{{- end -}}
